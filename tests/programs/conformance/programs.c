// SPDX-License-Identifier: Apache-2.0 OR MIT
//
// What can be executed and what cannot: forms of programs and scripts, and the room for arguments.

#include "case.h"

#include <elf.h>
#include <stddef.h>
#include <sys/resource.h>

static char *const no_strings[] = {0};

// Executes a file in a process of its own and tells the error, if it comes back.
static const char *path_of_program;
static char *const *arguments;
static void executes(void)
{
    const char *name = (char *)shared + 1024;
    long result = CALL(execve, path_of_program, arguments, no_strings);
    tell(name, result);
}
static void execution(const char *name, const char *path, char *const *strings)
{
    snprintf((char *)shared + 1024, 200, "%s", name);
    path_of_program = path, arguments = strings;
    int status = finish(start(executes));
    if (status)
        text(name, "status %#x", status);
}

// A program of one loadable part that ends with 7, or what a case makes of it.
struct program {
    Elf64_Ehdr header;
    Elf64_Phdr parts[3];
    unsigned char code[16];
    char interpreter[16];
};

static struct program sound(void)
{
    const word base = 0x400000;
    struct program program = {
        .header = {
            .e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
            .e_type = ET_EXEC, .e_machine = EM_X86_64, .e_version = EV_CURRENT,
            .e_entry = base + offsetof(struct program, code), .e_phoff = offsetof(struct program, parts),
            .e_ehsize = sizeof(Elf64_Ehdr), .e_phentsize = sizeof(Elf64_Phdr), .e_phnum = 1,
        },
        .parts = {{
            .p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = base, .p_paddr = base,
            .p_filesz = sizeof program, .p_memsz = sizeof program, .p_align = PAGE,
        }},
        // mov $7, %edi; mov $231, %eax; syscall
        .code = {0xbf, 7, 0, 0, 0, 0xb8, 231, 0, 0, 0, 0x0f, 0x05},
    };
    return program;
}

static void made(const char *name, const struct program *program)
{
    long fd = make("program", "");
    CALL(pwrite64, fd, program, sizeof *program, 0);
    CALL(close, fd);
    CALL(chmod, "program", 0755);
    execution(name, "program", no_strings);
}

static void interpreted(const char *name, const char *interpreter)
{
    struct program program = sound();
    strcpy(program.interpreter, interpreter);
    program.header.e_phnum = 2;
    program.parts[1] = (Elf64_Phdr){
        .p_type = PT_INTERP, .p_flags = PF_R, .p_offset = offsetof(struct program, interpreter),
        .p_filesz = strlen(interpreter) + 1, .p_memsz = strlen(interpreter) + 1, .p_align = 1,
    };
    made(name, &program);
}

static void forms_of_programs(void)
{
    struct program program = sound();
    made("execve of a small program", &program);
    program.header.e_machine = EM_AARCH64;
    made("execve of another machine's program", &program);
    program = sound(), program.header.e_ident[EI_CLASS] = 9;
    made("execve of a program of an unknown class", &program);
    program = sound(), program.header.e_type = ET_REL;
    made("execve of what is not linked", &program);
    program = sound(), program.header.e_type = ET_CORE;
    made("execve of a dump", &program);
    program = sound(), program.header.e_phentsize = 8;
    made("execve of parts of the wrong size", &program);
    program = sound(), program.header.e_phnum = 0;
    made("execve of no parts", &program);
    program = sound(), program.header.e_phoff = 1 << 20;
    made("execve of parts beyond the file", &program);
    program = sound(), program.header.e_entry = 0x900000;
    made("execve that begins where nothing is", &program);
    program = sound(), program.parts[0].p_filesz = 2 * PAGE;
    made("execve of more in the file than in memory", &program);
    program = sound(), program.parts[0].p_flags = PF_R;
    made("execve of what may not be executed", &program);
    program = sound(), program.parts[1] = program.parts[0], program.header.e_phnum = 2;
    program.parts[1].p_vaddr += PAGE, program.parts[1].p_memsz = 2 * PAGE, program.parts[1].p_flags = PF_R | PF_W;
    made("execve of a part with zeros behind it", &program);
    interpreted("execve of a program whose interpreter is missing", "missing");
    file("text", "text"), CALL(chmod, "text", 0755);
    interpreted("execve of a program whose interpreter is too short", "text");
    static char long_text[200];
    memset(long_text, 'a', sizeof long_text - 1);
    file("text", long_text);
    interpreted("execve of a program whose interpreter is no program", "text");
    T(execveat, "of a program whose interpreter is no program", AT_FDCWD, "program", no_strings, no_strings, 0);
    CALL(chmod, "text", 0644);
    interpreted("execve of a program whose interpreter may not run", "text");
    interpreted("execve of a program whose interpreter is a directory", ".");
    interpreted("execve of a program whose interpreter has no name", "");
}

static void busy_programs(void)
{
    long fd = make("busy", "text");
    CALL(chmod, "busy", 0755);
    execution("execve of what is open for writing", "busy", no_strings);
    T(execveat, "of what is open for writing", AT_FDCWD, "busy", no_strings, no_strings, 0);
    long reader = CALL(open, "busy", O_RDONLY);
    CALL(close, fd);
    execution("execve of what was open for writing", "busy", no_strings);
    execution("execve of a device", "/dev/null", no_strings);
    CALL(mknod, "fifo", S_IFIFO | 0755, 0);
    execution("execve of a named pipe", "fifo", no_strings);
    T(execveat, "of a directory", AT_FDCWD, ".", no_strings, no_strings, 0);
    T(execveat, "of a directory by descriptor", CALL(open, ".", O_RDONLY), "", no_strings, no_strings, AT_EMPTY_PATH);
    T(execveat, "of a missing file", AT_FDCWD, "missing", no_strings, no_strings, 0);
    T(execveat, "of a long name", AT_FDCWD, long_name, no_strings, no_strings, 0);
    T(execveat, "of a script by a descriptor that closes", CALL(open, "busy", O_RDONLY | O_CLOEXEC), "", no_strings,
      no_strings, AT_EMPTY_PATH);
    FAULTS(execveat, "of a bad path", AT_FDCWD, bad, no_strings, no_strings, 0);
    CALL(close, reader);
}

static void script(const char *name, const char *first_line)
{
    file("script", first_line);
    CALL(chmod, "script", 0755);
    execution(name, "script", no_strings);
}

static void forms_of_scripts(void)
{
    struct program program = sound();
    made("execve of a program for scripts", &program);
    script("execve of a script", "#!program\n");
    script("execve of a script with blanks", "#! \t program \t \n");
    script("execve of a script without a line's end", "#!program");
    script("execve of a script with an argument", "#!program some argument\n");
    script("execve of a script of blanks", "#!   \n");
    script("execve of a script of a directory", "#!.\n");
    script("execve of a script of a script", "#!script\n");
    char line[400] = "#!./program ";
    memset(line + 12, 'a', 300);
    script("execve of a script with a long argument", line);
    memset(line + 2, '/', 300);
    script("execve of a script with a long name", line);
    script("execve of a script of a zero", "#!\0\n");
    // Each of them names the one before.
    CALL(rename, "program", "0");
    for (int depth = 1; depth < 8; depth++) {
        char name[60], path[2] = {(char)('0' + depth), 0};
        snprintf(line, sizeof line, "#!%d\n", depth - 1);
        file(path, line);
        CALL(chmod, path, 0755);
        snprintf(name, sizeof name, "execve of scripts %d deep", depth);
        execution(name, path, no_strings);
    }
}

static void room_for_arguments(void)
{
    static char longest[128 << 10], *many[200];
    struct program program = sound();
    made("execve of a program for arguments", &program);
    memset(longest, 'a', sizeof longest - 1);
    many[0] = longest;
    execution("execve of the longest argument", "program", many);
    for (int i = 0; i < 10; i++)
        many[i] = longest;
    execution("execve of long arguments", "program", many);
    for (int i = 0; i < 100; i++)
        many[i] = longest;
    execution("execve of more than the stack has room for", "program", many);
    T(execve, "of too large an environment", "program", no_strings, many);
    char *area = (char *)CALL(mmap, 0, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CALL(munmap, area + PAGE, PAGE);
    memset(area, 'a', PAGE);
    char *endless[] = {area, 0};
    T(execveat, "of too many arguments", AT_FDCWD, "program", many, no_strings, 0);
    T(execve, "of an argument without an end", "program", endless, no_strings);
    execution("execve without arguments", "program", 0);
}

const struct group programs[] = {
    GROUP(forms_of_programs), GROUP(busy_programs), GROUP(forms_of_scripts), GROUP(room_for_arguments), END_OF_GROUPS,
};
