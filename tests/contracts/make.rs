// SPDX-License-Identifier: Apache-2.0 OR MIT

//! GNU make builds a project in the guest, several commands at a time.

use std::fmt::Write as _;

use seed_tests::case::Case;
use seed_tests::program::Program::{Busybox, Packaged};
use seed_tests::toolchain;

/// Parts of the project besides its `main.c`.
const PARTS: usize = 19;

const MAKE: seed_tests::program::Program = Packaged("make-dfsg", "make");

/// The jobs print as they come, so their output is not compared.
const MAKEFILE: &str = "\
sources := $(sort $(wildcard in/*.c))
objects := $(patsubst in/%.c,out/%.o,$(sources))

out/project: $(objects)
\tin/tcc/tcc -static -o $@ $^

out/%.o: in/%.c in/project.h
\tin/tcc/tcc -c -o $@ $<
";

/// A chain of functions, each in a file of its own.
fn project(case: Case) -> Case {
    let mut header = String::new();
    let mut case = case;
    for part in 0..PARTS {
        let text = format!(
            "#include <stdio.h>\n#include \"project.h\"\n\
             int part{part}(int x)\n{{\n    x = x * {} % 10007;\n    printf(\"part {part}: %d\\n\", x);\n    \
             return part{}(x);\n}}\n",
            part * 2 + 3,
            part + 1
        );
        case = case.file(&format!("in/part{part}.c"), text.as_bytes());
        writeln!(header, "int part{part}(int x);").expect("a string takes all");
    }
    writeln!(header, "int part{PARTS}(int x);").expect("a string takes all");
    let main = format!(
        "#include \"project.h\"\nint part{PARTS}(int x) {{ return x; }}\n\
         int main(void) {{ return part0(1) & 0; }}\n"
    );
    case.file("in/main.c", main.as_bytes()).file("in/project.h", header.as_bytes())
}

#[test]
fn twenty_files_four_at_a_time() {
    let script = "in/make -f in/makefile -j4 >out/log || exit 1\n\
                  in/busybox sort out/log >out/sorted; in/busybox rm out/log\n\
                  out/project || exit 2\n\
                  in/make -f in/makefile -q || exit 3\n\
                  in/busybox sleep 1; in/busybox touch in/part7.c\n\
                  in/make -f in/makefile -n\n";
    let case =
        Case::new(Busybox).append("busybox sh in/script").packed_once().limit(180).same_on_host();
    project(toolchain::add_to(case))
        .program("in/make", MAKE)
        .program("in/busybox", Busybox)
        .file("in/makefile", MAKEFILE.as_bytes())
        .file("in/script", script.as_bytes())
        .run();
}

/// Also where the archive's files are dated later than the guest's clock.
#[test]
fn what_was_made_is_newer_than_what_was_given() {
    let script = b"in/make -f in/makefile && in/make -f in/makefile -q && echo made\n";
    Case::new(Busybox)
        .append("busybox sh in/script")
        .program("in/make", MAKE)
        .program("in/busybox", Busybox)
        .file("in/makefile", b"out/copy: in/script\n\tin/busybox cp $< $@\n")
        .file("in/script", script)
        .same_on_host()
        .run();
}

#[test]
fn a_failing_command_ends_the_build() {
    let makefile = b"all: one two\none:\n\tin/busybox false\ntwo: one\n\tin/busybox echo never\n";
    Case::new(MAKE)
        .append("make -f in/makefile")
        .program("in/busybox", Busybox)
        .file("in/makefile", makefile)
        .status(2)
        .packed_once()
        .limit(180)
        .same_on_host()
        .run();
}

#[test]
fn shells_variables_and_makes_within_make() {
    let makefile = "\
export LEVEL := $(words $(MAKEFLAGS) x)
date := $(shell in/busybox echo from a shell | in/busybox tr a-z A-Z)
define recipe
$(1): ; @echo building $(1) in $$$$PWD | in/busybox sed 's,/.*,here,'
endef
$(foreach target,red green,$(eval $(call recipe,$(target))))
all: red green
\t@in/busybox echo '$(date)' $(filter-out a%,apple pear) $(patsubst %.c,%.o,x.c)
\t@if test -d out; then echo there; fi; (exit 0) && echo $$((6*7))
\t@$(MAKE) --no-print-directory -f in/inner
";
    Case::new(MAKE)
        .append("make -f in/makefile all")
        .program("in/busybox", Busybox)
        .program("bin/sh", Busybox)
        .file("in/makefile", makefile.as_bytes())
        .file("in/inner", b"inner: ; @in/busybox echo level $(MAKELEVEL) of $(LEVEL)\n")
        .link("make", "init")
        .packed_once()
        .limit(180)
        .run();
}
