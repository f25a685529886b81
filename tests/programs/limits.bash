# SPDX-License-Identifier: Apache-2.0 OR MIT
#
# Resource limits as scripts set them, for the test `bash`: what each of them stops.

set +m
export PATH=in/bin LC_ALL=C

echo $(ulimit -Sn 100; ulimit -n; ulimit -Hn 200; ulimit -Hn; in/bash -c "ulimit -n")
(ulimit -n 10; exec 9<in/limits && echo "descriptor 9"; exec 11<in/limits) 2>&1

{ (ulimit -f 4; head -c 5000 /dev/zero >out/small; head -c 3000 /dev/zero >>out/small); } 2>/dev/null
echo "file: $?, $(cat out/small | wc -c) bytes"
(trap '' XFSZ; ulimit -f 2; head -c 5000 /dev/zero >out/cut) 2>&1
echo "file: $?, $(cat out/cut | wc -c) bytes"

fill='text=x; for i in {1..25}; do text+=$text; done; echo "${#text} bytes"'
in/bash -c "$fill"
(ulimit -v 40000; in/bash -c "$fill") 2>/dev/null
echo "memory: $?"
(ulimit -d 40000; in/bash -c "$fill") 2>/dev/null
echo "data: $?"

deep='function down(n) { return n ? down(n - 1) + 1 : 0 } BEGIN { print "down", down(20000) }'
{ (ulimit -s 8192; awk "$deep"); } 2>/dev/null
echo "stack: $?"
(ulimit -s 60000; awk "$deep")
(ulimit -c unlimited && ulimit -c)
