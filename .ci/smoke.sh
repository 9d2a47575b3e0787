# shellcheck shell=bash
# Short runs of the commands in the README, for .ci/run: each function fails when its command does not do what it says.
# They build on one another in the order of .ci/run and keep their files in $work.

RECORDING=benchmarks/recordings/postgresql.log.gz
SESSION='\[\d+\] ([0-9a-f]+\.[0-9a-f]+) '
NUM_TRAINING=6000
NUM_SCORED=2000
FIRST_FAULTY=47329

logneo() { timeout 300 node dist/plugin/cli/main.js "$@"; }

# expect WHAT GOT WANTED
expect() {
  [ "$2" = "$3" ] && return
  echo "$1: got $2, wanted $3"
  return 1
}

# exits_with CODE COMMAND...: also wants a message on standard error.
exits_with() {
  local wanted=$1 code=0
  shift
  "$@" >"$work/code.out" 2>"$work/code.err" || code=$?
  expect "exit code of $*" "$code" "$wanted" || { cat "$work/code.err"; return 1; }
  [ -s "$work/code.err" ] || { echo "$* said nothing"; return 1; }
}

smoke_help() {
  logneo --help | grep -q 'logneo train' || return
  local command
  for command in demo train evaluate score parse run sidecar adopted feedback history check init doctor; do
    logneo "$command" --help | grep -q "Usage: logneo $command" || { echo "no help for $command"; return 1; }
  done
}

smoke_exit_codes() {
  exits_with 2 logneo train &&
    exits_with 2 logneo no-such-command &&
    exits_with 2 logneo score --model m --input f --false-alarm-rate 7 &&
    exits_with 1 logneo score --model "$work/no-such-model" --input $RECORDING &&
    exits_with 1 logneo train --input "$work/no-such-file" --out "$work/none"
}

smoke_parse() {
  # Whoever reads from zcat must not mind that head stops early.
  (set +o pipefail; zcat $RECORDING | head -n $NUM_TRAINING) >"$work/train.log"
  (set +o pipefail; zcat $RECORDING | tail -n +$FIRST_FAULTY | head -n $NUM_SCORED) >"$work/score.log"
  logneo parse --input "$work/train.log" >"$work/parsed.ndjson" || return
  expect 'lines parsed' "$(grep -c '"template_id"' "$work/parsed.ndjson")" $NUM_TRAINING
}

smoke_train() {
  logneo train --input "$work/train.log" --session-regex "$SESSION" --complete --epochs 15 --no-progress --out "$work/model" &&
    test -s "$work/model/manifest.json"
}

smoke_score() {
  logneo score --model "$work/model" --input "$work/score.log" --complete >"$work/scored.ndjson" || return
  expect 'lines scored' "$(grep -c '^{"message"' "$work/scored.ndjson")" $NUM_SCORED &&
    grep -q '"kind":"session"' "$work/scored.ndjson" &&
    grep -q '"status":"scored"' "$work/scored.ndjson"
}

smoke_explain() {
  # At a high rate something is always flagged, however little the model has learnt.
  logneo score --model "$work/model" --input - --complete --explain --false-alarm-rate 0.3 <"$work/score.log" >"$work/explained" || return
  grep -q 'score .* session ' "$work/explained"
}

# sequences LABEL: the training lines as rows id,label,keys, sessions in order of their first line.
sequences() {
  paste -d ' ' \
    <(sed -E 's/^.*\[[0-9]+\] ([0-9a-f]+\.[0-9a-f]+) .*$/\1/; t; s/.*/-/' "$work/train.log") \
    <(sed -E 's/^\{"template_id":"([^"]+)".*/\1/' "$work/parsed.ndjson") |
    awk -v label="$1" '$1 != "-" { if (!($1 in keys)) ids[n++] = $1; keys[$1] = keys[$1] " " $2 }
      END { for (i = 0; i < n; i++) print ids[i] "," label "," substr(keys[ids[i]], 2) }'
}

smoke_sequences() {
  sequences 0 >"$work/normal.csv" || return
  # The same sessions, each without its second half.
  sequences 1 | awk -F, '{ n = split($3, k, " "); s = k[1]; for (i = 2; i <= n / 2; i++) s = s " " k[i]; print $1 ",1," s }' \
    >"$work/abnormal.csv" || return
  logneo train --sequences "$work/normal.csv" --epochs 15 --no-progress --out "$work/rows" || return
  exits_with 2 logneo train --sequences "$work/abnormal.csv" --out "$work/none" || return
  logneo evaluate --model "$work/rows" --normal "$work/normal.csv" --abnormal "$work/abnormal.csv" --json "$work/result.json" &&
    node -e 'const r = JSON.parse(require("fs").readFileSync(process.argv[1])); if (!(r.rocAuc > 0.5 && r.f1 >= 0)) throw new Error(JSON.stringify(r))' \
      "$work/result.json"
}

smoke_embedded() {
  MODEL="$work/model" node -e '
    import("logneo").then(async ({ createStage }) => {
      const stage = await createStage({ model: process.env.MODEL })
      const [{ pod, logneo }] = await stage.process([{ message: "[1] a.b LOG:  hello", pod: "web-1" }])
      await stage.close()
      if (pod !== "web-1" || logneo.status !== "scored") throw new Error(JSON.stringify(logneo))
    })'
}

smoke_init() {
  logneo init "$work/pipeline" || return
  local config
  config=$(find "$work/pipeline" -name '*.logneo.yaml' | head -n 1)
  test -n "$config" || { echo 'init wrote no *.logneo.yaml'; return 1; }
  cp -r "$work/model" "$work/pipeline/model"
  logneo check --config "$config" || return
  printf 'model: { path: model }\ninputt: {}\n' >"$work/pipeline/bad.logneo.yaml"
  exits_with 2 logneo check --config "$work/pipeline/bad.logneo.yaml"
}

# smoke_config FILE: checks a copy of a config that ships, beside the model and the log that it names.
smoke_config() {
  local copy="$work/configs-$RANDOM"
  cp -r "$(dirname "$1")" "$copy" && cp -r "$work/model" "$copy/model" && cp "$work/score.log" "$copy/app.log" || return
  logneo check --config "$copy/$(basename "$1")"
}

smoke_run() {
  cat >"$work/run.logneo.yaml" <<YAML
model: { path: $work/model }
input: { files: { paths: [$work/score.log], tag: raw.postgresql } }
output: { ndjson: { path: $work/run.ndjson } }
YAML
  local pid code=0
  node dist/plugin/cli/main.js run --config "$work/run.logneo.yaml" &
  pid=$!
  # A run that has only files may end by itself.
  for _ in $(seq 150); do
    [ "$(grep -c '"message"' "$work/run.ndjson" 2>/dev/null)" = $NUM_SCORED ] && break
    kill -0 $pid 2>/dev/null || break
    sleep 0.2
  done
  kill -TERM $pid 2>/dev/null
  wait $pid || code=$?
  expect 'exit code of run' $code 0 &&
    expect 'lines through run' "$(grep -c '"tag":"scored.raw.postgresql"' "$work/run.ndjson")" $NUM_SCORED
}

# wait_for FILE PATTERN PID: waits until a file holds a pattern, as long as the process lives.
wait_for() {
  for _ in $(seq 150); do
    grep -q "$2" "$1" 2>/dev/null && return
    kill -0 "$3" 2>/dev/null || break
    sleep 0.2
  done
  cat "$1"
  return 1
}

smoke_sidecar() {
  local address="unix:$work/s.sock" sidecar run code=0
  node dist/plugin/cli/main.js sidecar --model "$work/model" --listen "$address" --health 127.0.0.1:0 2>"$work/sidecar.err" &
  sidecar=$!
  wait_for "$work/sidecar.err" 'answers on' $sidecar || return
  cat >"$work/sidecar.logneo.yaml" <<YAML
model: { path: $work/model, sidecar: { address: "$address" } }
input: { files: { paths: [$work/score.log], tag: raw.postgresql } }
output: { ndjson: { path: $work/sidecar.ndjson } }
YAML
  node dist/plugin/cli/main.js run --config "$work/sidecar.logneo.yaml" 2>"$work/sidecar-run.err" &
  run=$!
  wait $run || { cat "$work/sidecar-run.err"; kill $sidecar; return 1; }
  kill -TERM $sidecar
  wait $sidecar || code=$?
  expect 'exit code of sidecar' $code 0 &&
    expect 'lines through the sidecar' "$(grep -c '"tag":"scored.raw.postgresql"' "$work/sidecar.ndjson")" $NUM_SCORED &&
    expect 'lines that passed unscored' "$(grep -c '"status":"unscored".*"template"' "$work/sidecar.ndjson")" \
      "$(grep -c '"status":"unscored".*"template"' "$work/run.ndjson")"
}

smoke_demo() { logneo demo --no-progress | tee /dev/stderr | grep -q 'sessions with faults'; }

# All pipelines, 15 s each; what is killed, frozen and cut off, and what must hold: docs/chaos.md.
smoke_chaos() { timeout 600 npm run bench -- chaos --minutes 1 --rate 1000; }
