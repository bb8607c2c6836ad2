# The script that a guest runs. suite.rs puts assignments of the upper-case variables before it. Descriptor 3 gets the
# reports.
export RNETSTAT_BIN_DIR=$PRODUCT RNETSTAT_SKIPPED=/tmp/skipped RNETSTAT_SLOW=1 RUST_BACKTRACE=0
: > $RNETSTAT_SKIPPED
failed=0
cd $TESTS

# Reports the start event of a trace with these minisocket hooks.
start() {
    $PRODUCT/rnetstat-trace --json -d 100ms --life-hook $1 2> /tmp/why | head -n 1 > /tmp/start
    echo "start $1 $(cat /tmp/start)" >&3
}

# Runs a test program. After a failure its failed tests run again, one at a time, until they had $TRIES tries; all of them
# if the program died.
run() {
    hooks=${RNETSTAT_LIFE_HOOK:-auto} begin=$(date +%s) tests=$FILTER threads=2 status=1
    for try in $(seq $TRIES); do
        [ $try = 1 ] || echo "again $1 $hooks: ${tests#--exact }" >&3
        echo "--- $1 $hooks"
        { ./$1 --test-threads=$threads $tests 3>&-; echo $? > /tmp/status; } | tee /tmp/output
        status=$(cat /tmp/status)
        [ $status != 0 ] || break
        names=$(sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' /tmp/output | xargs)
        # A program that has run all tests ends with 101, and with the number of those that failed.
        tests=$FILTER
        if [ $status = 101 ] && grep -q "; $(echo $names | wc -w) failed;" /tmp/output; then
            tests="--exact $names"
        fi
        threads=1
    done
    [ $status = 0 ] || failed=$((failed + 1))
    echo "test $1 $hooks $(($(date +%s) - begin))s $status" >&3
}

is_newest() { [ $(uname -r) = $NEWEST ]; }

is_oldest() { [ $(uname -r) = $OLDEST ]; }

start auto
for hooks in $MINISOCK_HOOKS; do
    start $hooks
    is_oldest || [ $hooks = ${MINISOCK_HOOKS%% *} ] || continue
    export RNETSTAT_LIFE_HOOK=$hooks
    for program in $WITH_EACH_HOOK; do run $program; done
done
unset RNETSTAT_LIFE_HOOK
for program in $ONCE; do run $program; done
if is_oldest || is_newest; then
    for program in $ON_OLDEST_AND_NEWEST; do run $program; done
fi
if is_newest; then
    for program in $ON_NEWEST; do run $program; done
fi
while read -r line; do echo "skipped $line" >&3; done < $RNETSTAT_SKIPPED
exit $failed
