// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// SHA-256 (FIPS 180-4), in plain C.

#ifndef SHA256_H
#define SHA256_H

#include <stddef.h>
#include <stdint.h>

#define SHA256_BLOCK 64
#define SHA256_WORDS 8

// The digest of `size` bytes, whole blocks of SHA256_BLOCK, as words.
void sha256(const uint8_t *bytes, size_t size, uint32_t digest[SHA256_WORDS]);

#endif
