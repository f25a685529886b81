#!/bin/bash
# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Run a command in a small Linux guest whose /dev/kvm is the real kvm_amd
# module on a CPU, and its SVM, emulated by QEMU's TCG.  See README.md.
set -euo pipefail
export LC_ALL=C
me=${0##*/}

usage() {
	cat <<USAGE
usage: $me [option]... [--] COMMAND [ARGUMENT]...

Boots a Debian Linux kernel under QEMU TCG with SVM, loads kvm and kvm-amd, and
runs COMMAND there as root with /dev/kvm.  Prints what COMMAND prints and exits
with its status.  One argument alone is taken as a line for sh.

  -f PATH    put this file or folder in the guest, at the same absolute path
             (may be repeated); libraries that programs need are added
  -l FILE    the same for each line of FILE
  -C DIR     working directory in the guest (default: the current one)
  -e N=V     set an environment variable for COMMAND (may be repeated)
  -m MIB     memory (default: 1024, or more when the files need it)
  -c N       virtual CPUs (default: 1)
  -t SEC     stop after so many seconds (default: 300; 0: never)
  -p CPU     value for QEMU's -cpu (default: max,+svm)
  -a ARGS    more kernel arguments; MODULE.PARAMETER=VALUE reaches the
             modules loaded here, as in -a kvm_amd.npt=0
  -q ARGS    more QEMU arguments, split at blanks
  -k DIR     take the kernel from an unpacked linux-image package (a folder
             with boot/ and lib/modules/) in place of the downloaded one
  -u         download the kernel afresh
  -i         connect the terminal to COMMAND (as in -i -- sh)
  -T         report the times on stderr
  -v         show the kernel's log on stderr, and the times

Exit status: COMMAND's; 124 when the time ran out; 125 when the rig failed.
USAGE
}

die() { printf '%s: %s\n' "$me" "$*" >&2; exit 125; }
need() { local t; for t; do command -v "$t" >/dev/null || die "needs $t"; done; }

now() { printf '%s' "${EPOCHREALTIME/[.,]/}"; }          # microseconds
secs() { printf '%d.%03d' $(($1 / 1000000)) $(($1 / 1000 % 1000)); }

files=() envs=() dir=$PWD mem= cpus=1 limit=300 cpu=max,+svm append= qargs=
tree=${NESTED_KVM_KERNEL:-} update= interactive= times= verbose=
while getopts :f:l:C:e:m:c:t:p:a:q:k:uiTvh o; do
	case $o in
	f) files+=("$OPTARG") ;;
	l) [ -r "$OPTARG" ] || die "cannot read $OPTARG"
	   while IFS= read -r p || [ -n "$p" ]; do [ -z "$p" ] || files+=("$p"); done <"$OPTARG" ;;
	C) dir=$OPTARG ;;
	e) [[ $OPTARG =~ ^[A-Za-z_][A-Za-z_0-9]*= ]] || die "-e wants NAME=VALUE"
	   envs+=("$OPTARG") ;;
	m) mem=$OPTARG ;;
	c) cpus=$OPTARG ;;
	t) limit=$OPTARG ;;
	p) cpu=$OPTARG ;;
	a) append+=" $OPTARG" ;;
	q) qargs+=" $OPTARG" ;;
	k) tree=$OPTARG ;;
	u) update=1 ;;
	i) interactive=1 ;;
	T) times=1 ;;
	v) verbose=1 times=1 ;;
	h) usage; exit 0 ;;
	*) usage >&2; exit 125 ;;
	esac
done
shift $((OPTIND - 1))
[ $# -gt 0 ] || { usage >&2; exit 125; }
[[ $dir = /* ]] || dir=$PWD/$dir

need qemu-system-x86_64 busybox cpio ldd realpath timeout od mkfifo
work=$(mktemp -d "${TMPDIR:-/tmp}/nested-kvm.XXXXXX")
qemu=
cleanup() {
	[ -z "$qemu" ] || kill "$qemu" 2>/dev/null || true
	rm -rf "$work"
}
trap cleanup EXIT
trap 'exit 130' INT
trap 'exit 143' TERM HUP

# ---- the kernel and its modules ---------------------------------------------

# unpack FILE: to stdout, by what its first bytes say it is
unpack() {
	case $(od -An -tx1 -N6 "$1" | tr -d ' \n') in
	1f8b*) need gzip; gzip -dc "$1" ;;
	fd377a585a00) need xz; xz -dc --single-stream "$1" ;;
	28b52ffd*) need zstd; zstd -dcq "$1" ;;
	02214c18*) need lz4; lz4 -dcq "$1" ;;
	*) return 1 ;;
	esac
}

word() { od -An -v -tu"$3" -j"$2" -N"$3" "$1" | tr -d ' '; }

# The ELF kernel inside a bzImage boots by PVH entry and saves the guest the
# decompression.  Fails quietly where a tool for it is missing.
vmlinux() {
	local setup offset length
	setup=$(word "$1" $((0x1f1)) 1)
	offset=$(($(word "$1" $((0x248)) 4) + (${setup/#0/4} + 1) * 512))
	length=$(word "$1" $((0x24c)) 4)
	{ tail -c +$((offset + 1)) "$1" 2>/dev/null || true; } | head -c $((length - 4)) >"$2.packed"
	( unpack "$2.packed" ) >"$2" 2>/dev/null || true
	rm -f "$2.packed"
	[ "$(head -c4 "$2" | od -An -tx1 | tr -d ' ')" = 7f454c46 ] || { rm -f "$2"; return 1; }
}

# add_module TREE OUT NAME: NAME's dependencies, then itself
add_module() {
	local f name dep
	name=${3//-/_}
	! grep -q " $name\$" "$2/modules" || return 0
	f=$(find "$1/kernel" -name "${name//_/[_-]}.ko*" | head -n1)
	[ -n "$f" ] || return 0                 # built in, or not of this kernel
	unpack "$f" >"$2/$name.ko" || cp "$f" "$2/$name.ko"
	for dep in $(tr '\0' '\n' <"$2/$name.ko" | sed -n 's/^depends=//p' | head -n1 | tr , ' '); do
		add_module "$1" "$2" "$dep"
	done
	echo "$name.ko $name" >>"$2/modules"
}

# The newest kernel of an unpacked package that has kvm-amd
kernel_version() {
	local v
	for v in $(ls "$1/lib/modules" 2>/dev/null | sort -Vr); do
		[ -f "$1/boot/vmlinuz-$v" ] || continue
		[ -n "$(find "$1/lib/modules/$v" -name 'kvm-amd.ko*')" ] || continue
		echo "$v"
		return
	done
	return 1
}

prepare() { # TREE OUT
	local v
	v=$(kernel_version "$1") || return 1
	mkdir -p "$2"
	: >"$2/modules"
	echo "$v" >"$2/version"
	add_module "$1/lib/modules/$v" "$2" kvm_amd
	vmlinux "$1/boot/vmlinuz-$v" "$2/kernel" || cp "$1/boot/vmlinuz-$v" "$2/kernel"
}

real_package() {
	apt-cache depends --important "$1" 2>/dev/null |
		sed -n 's/^[ |]*Depends: \(linux-image-[0-9].*\)$/\1/p' | head -n1
}

download() { # OUT
	local meta pkg
	need apt-get apt-cache dpkg-deb
	[ -n "$(real_package linux-image-cloud-amd64)" ] || [ "$(id -u)" != 0 ] || apt-get -qq update >&2
	for meta in linux-image-cloud-amd64 linux-image-amd64; do
		pkg=$(real_package "$meta")
		[ -n "$pkg" ] || continue
		echo "$me: downloading $pkg" >&2
		rm -rf "$work/deb"
		mkdir "$work/deb"
		( cd "$work/deb" && apt-get -qq -o APT::Sandbox::User= download "$pkg" >&2 ) || continue
		dpkg-deb -x "$work"/deb/*.deb "$work/deb/x"
		! prepare "$work/deb/x" "$1" || return 0
		echo "$me: $pkg has no kvm-amd" >&2
	done
	return 1
}

cache=${XDG_CACHE_HOME:-$HOME/.cache}/nested-kvm
if [ -n "$tree" ]; then
	kdir=$work/kernel
	prepare "$tree" "$kdir" || die "$tree: no kernel with kvm-amd"
else
	kdir=$cache/kernel
	if [ -n "$update" ] || [ ! -f "$kdir/kernel" ]; then
		mkdir -p "$cache"
		new=$(mktemp -d "$cache/new.XXXXXX")
		download "$new" || { rm -rf "$new"; die "no kernel package (is apt's package list there?)"; }
		# another run may have been quicker
		if [ -z "$update" ] && [ -f "$kdir/kernel" ]; then rm -rf "$new"; else
			rm -rf "$kdir"
			mv -T "$new" "$kdir"
		fi
	fi
fi

# ---- what goes into the guest -------------------------------------------------

mkdir -p "$work"/root/{dev,proc,sys,run,tmp,root,etc,usr/bin,usr/sbin,.rig}
chmod 1777 "$work/root/tmp"
merged=
for d in bin sbin lib lib32 lib64 libx32; do
	if [ -L "/$d" ]; then
		mkdir -p "$work/root/usr/$d"
		ln -s "usr/$d" "$work/root/$d"
		merged+="|$d"
	fi
done
merged=${merged#|}
for d in bin sbin lib; do [ -e "$work/root/$d" ] || mkdir "$work/root/$d"; done
# in the rig's own folder, where no file of the caller's takes its place
cp -L "$(command -v busybox)" "$work/root/.rig/busybox"
! ldd "$work/root/.rig/busybox" >/dev/null 2>&1 || die "needs a static busybox (package busybox-static)"
echo 'root:x:0:0:root:/root:/bin/sh' >"$work/root/etc/passwd"
echo 'root:x:0:' >"$work/root/etc/group"
echo '127.0.0.1 localhost' >"$work/root/etc/hosts"
cp "$kdir"/*.ko "$kdir/modules" "$work/root/.rig/"

quote() { printf "'%s' " "${1//\'/\'\\\'\'}"; }
if [ $# = 1 ]; then first=${1%%[[:space:]]*}; else first=$1; fi
{
	if [ $# = 1 ]; then printf '%s\n' "$1"; else for a; do quote "$a"; done; echo; fi
} >"$work/root/.rig/command"
{
	echo "dir=$(quote "$dir")"
	echo "interactive=$interactive"
	echo "date -s @$EPOCHSECONDS >/dev/null"
	for e in "${envs[@]}"; do echo "export $(quote "$e")"; done
} >"$work/root/.rig/settings"

cat >"$work/root/init" <<'INIT'
#!/.rig/busybox sh
/.rig/busybox --install -s /usr/bin
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
export HOME=/root USER=root TERM=dumb NO_COLOR=1
mount -t devtmpfs dev /dev
mount -t proc proc /proc
mount -t sysfs sys /sys
mkdir -p /dev/pts /dev/shm
mount -t devpts devpts /dev/pts
mount -t tmpfs shm /dev/shm
ln -s /proc/self/fd /dev/fd
ifconfig lo 127.0.0.1
read -r line </proc/cmdline
while read -r file name; do
	args=
	for w in $line; do
		case $w in "$name".*) args="$args ${w#*.}" ;; esac
	done
	insmod "/.rig/$file" $args
done </.rig/modules
[ -c /dev/kvm ] || { echo "nested-kvm: no /dev/kvm"; reboot -f; }
. /.rig/settings
mkdir -p "$dir"
cd "$dir"
read -r up idle </proc/uptime
echo "nested-kvm: start $up"
if [ -n "$interactive" ]; then
	stty -F /dev/ttyS0 sane -onlcr 115200
	TERM=linux setsid -c sh /.rig/command <>/dev/ttyS0 >&0 2>&1
else
	stty -F /dev/ttyS0 raw -echo 115200
	setsid sh /.rig/command </dev/null >/dev/ttyS0 2>&1
fi
status=$?
# stty waits until what was written has gone out
stty -F /dev/ttyS0 raw
echo "nested-kvm: exit $status"
stty -F /dev/ttyS1 raw
reboot -f
INIT
chmod +x "$work/root/init"

# One absolute name per thing, with no symbolic link in front of a merged /usr
name() {
	local p
	p=$(realpath -sm -- "$1")
	if [ -n "$merged" ] && [[ $p =~ ^/($merged)(/|$) ]]; then p=/usr$p; fi
	printf '%s\n' "$p"
}

# a program named by its path is meant to be there
if [[ $first = */* && -f $first ]]; then files+=("$first"); fi
: >"$work/list"
for f in "${files[@]}"; do
	[ -e "$f" ] || die "$f: not there"
	p=$(name "$f")
	case $p in / | /dev | /dev/* | /proc | /proc/* | /sys | /sys/*) die "$f: cannot go into the guest" ;; esac
	find -L "$p" \( -type f -o -type d \) -print >>"$work/list" || die "$f: not all of it can be read"
done

# Programs and shared objects among them, and the libraries these name
programs=()
while IFS= read -r p; do
	if [ ! -f "$p" ] || { [ ! -x "$p" ] && [[ ${p##*/} != *.so* ]]; }; then continue; fi
	magic=
	IFS= read -r -N4 magic <"$p" 2>/dev/null || true
	[ "$magic" != $'\x7fELF' ] || programs+=("$p")
done <"$work/list"
if [ ${#programs[@]} -gt 0 ]; then
	ldd "${programs[@]}" >"$work/ldd" 2>/dev/null || true
	sed -n 's/^[[:space:]]*\(.*\) => not found.*/\1/p' "$work/ldd" | sort -u |
		while IFS= read -r l; do echo "$me: library $l not found" >&2; done
	sed -n -e 's/^.* => \(\/.*\) (0x[0-9a-f]*)$/\1/p' -e 's/^[[:space:]]*\(\/.*\) (0x[0-9a-f]*)$/\1/p' "$work/ldd" |
		sort -u >"$work/libs"
	if [ -s "$work/libs" ]; then
		while IFS= read -r l; do name "$l"; done <"$work/libs" >>"$work/list"
		[ ! -f /etc/ld.so.cache ] || echo /etc/ld.so.cache >>"$work/list"
	fi
fi

# The folders above each thing come before it; the kernel unpacks archives that
# follow one another, so the files are read in place, not copied first
awk '{ n = split($0, a, "/"); p = ""; for (i = 2; i < n; i++) { p = p "/" a[i]; print p } print }' "$work/list" |
	sort -u | sed 's/^.//' >"$work/names"
( cd "$work/root" && find . -mindepth 1 | cpio -o -H newc -R +0:+0 --quiet ) >"$work/initrd"
if [ -s "$work/names" ]; then
	( cd / && cpio -o -H newc -R +0:+0 -L --quiet <"$work/names" ) >>"$work/initrd" || die "cannot pack the files"
fi

size=$(($(stat -c %s "$work/initrd") >> 20))
if [ -z "$mem" ]; then
	mem=$(((512 + 2 * size + 255) / 256 * 256))
	[ "$mem" -ge 1024 ] || mem=1024
fi

# ---- boot -----------------------------------------------------------------------

# qboot starts a kernel sooner than SeaBIOS does
bios=()
for d in $(qemu-system-x86_64 -L help); do
	if [ -f "$d/qboot.rom" ]; then bios=(-bios qboot.rom); break; fi
done
args="console=ttyS1 panic=-1 reboot=t rootfstype=ramfs mitigations=off nokaslr tsc=reliable no_timer_check"
args+=" random.trust_cpu=on cryptomgr.notests audit=0 apparmor=0 nomodeset i8042.noaux i8042.nokbd 8250.nr_uarts=2"
[ -n "$verbose" ] || args+=" quiet loglevel=1"

mkfifo "$work/console" "$work/output"
run=(timeout --foreground -k 5 "$limit" qemu-system-x86_64 -M pc -accel tcg,thread=multi
	-cpu "$cpu" -smp "$cpus" -m "$mem" "${bios[@]}" -kernel "$kdir/kernel" -initrd "$work/initrd"
	-append "$args$append" -nodefaults -no-user-config -display none -no-reboot
	-serial stdio -chardev "file,id=console,path=$work/console" -serial chardev:console)
# shellcheck disable=SC2206  # split at blanks is what -q promises
run+=($qargs)
# QEMU gets the writing end of the console from the start, so that its end is
# the end of what we read, even when it fails at once
exec 4<>"$work/console" 5<"$work/console" 6>"$work/console" 4>&-
cat= start= status=
begin=$(now)
if [ -n "$interactive" ]; then
	exec 3<&0
	"${run[@]}" <&3 3<&- 5<&- &
	qemu=$!
else
	# QEMU makes its output non-blocking; keep that from whoever shares ours
	cat <"$work/output" 5<&- 6>&- &
	cat=$!
	"${run[@]}" </dev/null >"$work/output" 5<&- &
	qemu=$!
fi
exec 6>&-

while IFS= read -r -u 5 line || [ -n "$line" ]; do
	line=${line%$'\r'}
	case $line in
	"nested-kvm: start "*) start=$(now) ;;
	*"nested-kvm: exit "*) status=${line##*: exit }; stop=$(now) ;;
	*) printf '%s\n' "$line" >>"$work/log"; [ -z "$verbose" ] || printf '%s\n' "$line" >&2 ;;
	esac
done
rc=0
wait "$qemu" || rc=$?
qemu=
[ -z "$cat" ] || wait "$cat" || true
end=$(now)

if [ -n "$times" ] && [ -n "$start" ]; then
	printf '%s: linux %s; command started after %s s' "$me" "$(cat "$kdir/version")" "$(secs $((start - begin)))" >&2
	[ -z "$status" ] || printf ', ran %s s' "$(secs $((stop - start)))" >&2
	printf '; %s s in all\n' "$(secs $((end - begin)))" >&2
fi
if [[ $status =~ ^[0-9]+$ ]]; then exit "$status"; fi
[ -n "$verbose" ] || [ ! -f "$work/log" ] || tail -n 40 "$work/log" >&2
case $rc in
124 | 137) echo "$me: stopped after $limit s" >&2; exit 124 ;;
*) die "the guest ended without the command's status (QEMU's: $rc)" ;;
esac
