# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# What scripts do with bash, for the test `bash`: each section prints what came of it.

set -u +m
export PATH=in/bin LC_ALL=C
section() { printf '== %s\n' "$1"; }

section 'arrays'
fruit=(apple banana "cherry pie" damson)
fruit+=(elder)
fruit[10]=fig
echo "${#fruit[@]} of them at ${!fruit[*]}: ${fruit[2]}, ${fruit[-1]}"
unset 'fruit[1]'
for item in "${fruit[@]}"; do printf '<%s>' "$item"; done
echo
echo "slice: ${fruit[@]:2:2}; upper: ${fruit[@]^^}; replaced: ${fruit[@]/e/E}"
mapfile -t squares < <(for ((i = 0; i < 12; i++)); do echo $((i * i)); done)
echo "${#squares[@]} squares, the last ${squares[11]}, sum $((${squares[@]/%/+} 0))"
reversed=()
for ((i = ${#squares[@]} - 1; i >= 0; i--)); do reversed+=("${squares[i]}"); done
IFS=, && echo "${reversed[*]}" && unset IFS

section 'associative arrays'
declare -A capital=([France]=Paris [Japan]=Tokyo ["New Zealand"]=Wellington)
capital[Peru]=Lima
unset 'capital[Japan]'
for country in "${!capital[@]}"; do echo "$country: ${capital[$country]}"; done | sort
[[ -v capital[Peru] && ! -v capital[Japan] ]] && echo "Peru is there, Japan is not"
declare -A count=()
while read -r -n 1 letter; do
    [[ $letter == [a-z] ]] && ((++count[$letter]))
done <<<'the quick brown fox jumps over the lazy dog'
for letter in {a..z}; do printf '%s%d ' "$letter" "${count[$letter]:-0}"; done
echo

section 'functions'
factorial() {
    local -i n=$1
    ((n < 2)) && { echo 1; return; }
    echo $((n * $(factorial $((n - 1)))))
}
factorial 15
swap() {
    local -n left=$1 right=$2
    local kept=$left
    left=$right right=$kept
}
one=first two=second
swap one two
echo "$one $two"
depth() { (($1 == 0)) && echo "${#FUNCNAME[@]} frames" || depth $(($1 - 1)); }
depth 50
fails() { return 42; }
fails || echo "status $?"

section 'here-documents'
name=world
cat <<END
hello $name, $((6 * 7)), $(echo nested | tr a-z A-Z)
END
cat <<'END'
$name stays, and so does $(this)
END
cat <<-END
	tabs go away
END
long=$(printf 'line %d\n' {1..5000})
wc -l <<<"$long"

section 'process substitution'
diff <(printf '%s\n' a b c) <(printf '%s\n' a x c)
echo "status $?"
paste -d: <(seq 3) <(seq 4 6) <(seq 7 9)
tee >(sort -r >out/reversed) >(wc -c >out/counted) <<<"$(seq 20)" >out/copied
for try in {1..600}; do
    [[ -s out/reversed && -s out/counted ]] && break
    sleep 0.1
done
head -n 2 out/reversed
cat out/counted
cmp out/copied <(seq 20) && echo "the copy is whole"
exec 7< <(echo first && echo second)
read -r a <&7 && read -r b <&7 && echo "$a and $b"
exec 7<&-

section 'traps'
(
    trap 'echo "leaving with $?"' EXIT
    trap 'echo "caught USR1"' USR1
    trap '' USR2
    kill -USR1 "$BASHPID"
    kill -USR2 "$BASHPID"
    exit 7
)
echo "status $?"
(
    trap 'echo "an error $((LINENO - base)) lines on"' ERR
    base=$LINENO
    false
)
(trap 'echo "asked to end"; exit 3' TERM && kill -TERM "$BASHPID" && sleep 100)
echo "status $?"
{ (kill -KILL "$BASHPID"); } 2>/dev/null
echo "status $?"
counted=0
trap '((++counted))' DEBUG
:
:
trap - DEBUG
echo "$counted commands"

section 'arithmetic'
echo $((2 ** 40)) $((0x7fffffffffffffff + 1)) $((-7 / 2)) $((-7 % 3)) $((16#beef)) $((017))
echo $((5 > 3 ? 10 : 20)) $((1 << 20 | 7 & ~2 ^ 16))
a=0 b=1
for ((n = 0; n < 60; n++)); do ((b += a, a = b - a)); done
echo "the 60th: $a"
collatz=27 steps=0
while ((collatz != 1)); do
    ((collatz = collatz % 2 ? 3 * collatz + 1 : collatz / 2, ++steps))
done
echo "$steps steps"
((1 / 0)) 2>/dev/null || echo "no division by zero"
primes=()
for ((n = 2; n < 200; n++)); do
    for p in "${primes[@]}"; do ((n % p)) || continue 2; done
    primes+=("$n")
done
echo "${primes[@]}"

section 'strings'
text='The Seed Kernel runs one.two.three'
echo "${#text} ${text:4:4} ${text: -5} ${text#* } ${text##*.} ${text%.*} ${text%%.*}"
echo "${text,,} ${text^^} ${text/e/E} ${text//e/E} ${text/#The/A} ${text/%three/four}"
echo "${unset:-default} ${unset:+never} ${text:+set} ${unset:=assigned} $unset"
[[ $text =~ ^(The)\ ([A-Z][a-z]+).*\.([a-z]+)$ ]] && echo "${BASH_REMATCH[@]:1}"
[[ $text == *Kernel* && $text != *kernel* && abc < abd ]] && echo "patterns and order"
printf '%5d|%-8s|%08.3f|%x|%c|%q|%b\n' 42 left 3.14159 255 xyz "it's" 'a\tb'
printf -v padded '%*s' 12 right
echo "[$padded] ${text@Q} ${padded@A}"
case $text in
    the*) echo "wrong" ;;
    The*) echo "first" ;;&
    *three) echo "second" ;;
    *) echo "not reached" ;;
esac
echo pre{1..3}{a,b}post {10..1..3} {x..z}
IFS=: read -r user _ id rest <<<'root:x:0:0:root:/root:/bin/sh'
echo "$user $id $rest"

section 'options'
while getopts 'vo:' option -v -o out rest; do
    case $option in
        v) echo "verbose" ;;
        o) echo "output to $OPTARG, next is argument $OPTIND" ;;
    esac
done

section 'files and patterns'
shopt -s nullglob extglob globstar
mkdir -p out/tree/{a,b}/deep
for n in {1..9}; do echo "$n" >"out/tree/a/file$n"; echo "$n" >"out/tree/b/deep/$n.txt"; done
echo out/tree/a/file[2-4] out/tree/a/!(file[2-9]) out/tree/**/*.txt out/none*
while IFS= read -r -d '' path; do echo "found $path"; done < <(find out/tree/b -name '[12]*' -print0)
exec {log}>>out/log
echo "to the log" >&"$log"
echo "again" >&"$log"
exec {log}>&-
echo "$(<out/log)"
[[ -d out/tree && -f out/log && ! -e out/none && out/log -nt out/none ]] && echo "tests agree"

section 'processes'
(sleep 1; exit 4) &
slow=$!
(sleep 0.1; exit 5) &
wait $!
echo "fast: $?"
wait "$slow"
echo "slow: $?"
seq 5000 | sort -rn | tr 1 7 | sed -n 2001p | sed 's/$/ came through five/'
echo "${PIPESTATUS[@]}"
set -o pipefail
false | true
echo "pipefail: $?"
set +o pipefail
coproc { while read -r line; do echo "<$line>"; done; }
echo over >&"${COPROC[1]}"
helper=$COPROC_PID
read -r answer <&"${COPROC[0]}"
echo "$answer"
kill "$helper"
wait "$helper"
echo "status $?"
for n in {1..40}; do (exit "$n") & done
wait
echo "all are gone"
xargs -n 3 echo <<<'a b c d e f g'
timeout 1000 true && echo "in time"
nice -n 19 nice
eval 'echo "evaluated $((40 + 2))"'
in/bash -c 'echo "$0: $#: $*"' shell one "two three"
exit 11
