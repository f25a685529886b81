// SPDX-License-Identifier: Apache-2.0 OR MIT

//! A C compiler works in the guest: tcc, built from its distribution's source package.

use seed_tests::case::Case;
use seed_tests::program::Program::Busybox;
use seed_tests::toolchain::{self, TCC};

const PROGRAM: &[u8] = br#"
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by_value(const void *a, const void *b) { return *(const int *)a - *(const int *)b; }

int main(int argc, char **argv)
{
    int numbers[1000];
    for (int i = 0; i < 1000; i++)
        numbers[i] = i * 7919 % 1009;
    qsort(numbers, 1000, sizeof *numbers, by_value);
    printf("%s: %d of %d, %.12f\n", argv[argc - 1], numbers[500], numbers[999], sqrt(2));
    long double third = 1.0L / 3;
    unsigned long long big = strtoull("18446744073709551615", 0, 10);
    printf("%.18Lf %f %zu\n", third, (double)big, strlen(argv[0]));
    return argc;
}
"#;

#[test]
fn compiles_and_links_a_program_that_then_runs() {
    let script = b"in/tcc/tcc -static -Wall -o out/program in/program.c || exit 99\n\
                   out/program one two\n";
    let case = Case::new(Busybox)
        .append("busybox sh in/script")
        .status(3)
        .packed_once()
        .limit(180)
        .same_on_host();
    toolchain::add_to(case).file("in/script", script).file("in/program.c", PROGRAM).run();
}

#[test]
fn says_what_is_wrong() {
    let case = Case::new(TCC)
        .append("tcc -c in/wrong.c -o out/wrong.o")
        .status(1)
        .packed_once()
        .limit(180)
        .same_on_host();
    toolchain::add_to(case).file("in/wrong.c", b"int main(void) { return missing; }\n").run();
}

/// The compiler that the host's gcc made compiles itself; what comes of that compiles itself too, and
/// from then on nothing changes any more.
#[test]
fn compiles_itself_to_the_fixed_point() {
    let script = b"compile() {\n\
                     $1 -static -DTCC_TARGET_X86_64 -DTCC_MUSL -DONE_SOURCE=1 -Iin/tcc/source \
                       -o $2 in/tcc/source/tcc.c\n\
                   }\n\
                   compile in/tcc/tcc out/tcc1 && compile out/tcc1 out/tcc2 &&\n\
                   compile out/tcc2 out/tcc3\n";
    let case =
        Case::new(Busybox).append("busybox sh in/script").packed_once().limit(180).same_on_host();
    let results = toolchain::add_to(case).file("in/script", script).run();
    let built = |name: &str| results.contents.file(name).to_vec();
    assert!(built("out/tcc2") == built("out/tcc3"), "tcc2 and tcc3 differ");
}
