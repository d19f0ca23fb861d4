# shellcheck shell=bash
# Gets what the examples in schedulers/ are run with: Airflow, the validators of workflows, Kubernetes and cron, Groovy for the
# Jenkinsfile, systemd-analyze. Sourced by tests/run after tests/servers.sh; as a command it prints the variables to export.
#
# Everything comes from Debian's packages and PyPI, with every version named, and what is unpacked is kept in
# RECON_TEST_CACHE (~/.cache/recon-tests). A tool that cannot be had ends the run: it is never skipped.

set -uo pipefail
schedulers_here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
[ -n "${servers_cache:-}" ] || . "$schedulers_here/servers.sh"

uv_version=0.13.9               # unpacks Airflow in seconds where pip takes minutes
junit_source=pytest==8.4.2      # its source holds Jenkins' schema of JUnit XML (MIT)

need_schedulers() {
    need_airflow
    need_groovy
    command -v systemd-analyze >/dev/null || apt_install systemd
    # Airflow looks for the zone of the machine, and timers name one.
    [ -e /usr/share/zoneinfo/Asia/Seoul ] || apt_install tzdata
}

need_groovy() {
    RECON_TEST_GROOVY=${RECON_TEST_GROOVY:-/usr/share/groovy/lib}
    # Debian's Groovy and the Java that it was built for: another may be too new for it.
    RECON_TEST_JAVA=${RECON_TEST_JAVA:-/usr/lib/jvm/default-java/bin/java}
    if ! { [ -e "$RECON_TEST_GROOVY"/groovy-2.4.21.jar ] && [ -x "$RECON_TEST_JAVA" ]; }; then
        apt_install groovy default-jre-headless
    fi
    [ -x "$RECON_TEST_JAVA" ] || die "no $RECON_TEST_JAVA after installing default-jre-headless"
    export RECON_TEST_GROOVY RECON_TEST_JAVA
}

# The folder with Airflow, an empty database of it in home/, the validators, and Jenkins' schema. A change of what is wanted makes a new one.
need_airflow() {
    need_python
    local wanted dir
    wanted=$(cat "$schedulers_here/schedulers/requirements.txt" - <<<"$uv_version $junit_source $(python3 -V)" | sha256sum | cut -c1-12)
    dir=$servers_cache/schedulers-$wanted
    [ -e "$dir/complete" ] || (fetch_airflow "$dir") || die "Airflow and the validators could not be installed"
    RECON_TEST_SCHEDULERS=$dir
    export RECON_TEST_SCHEDULERS
}

fetch_airflow() {
    local dir=$1 made log
    say "getting Airflow and validators into $dir"
    python3 -m pip --version >/dev/null 2>&1 || apt_install python3-pip
    mkdir -p "$servers_cache" || die "cannot make $servers_cache"
    # Two runs at once: the second waits for what the first makes.
    exec 9>"$servers_cache/schedulers.lock"
    flock 9
    [ ! -e "$dir/complete" ] || return 0
    rm -rf "$dir"
    made=$(mktemp -d "$servers_cache/unpack.XXXXXX")
    log=$made/log
    {
        python3 -m pip download -q --no-deps --only-binary :all: -d "$made" "uv==$uv_version" &&
            python3 -m zipfile -e "$made"/uv-*.whl "$made" && chmod 755 "$made"/uv-*.data/scripts/uv &&
            "$made"/uv-*.data/scripts/uv --no-config --cache-dir "$made/cache" venv -q --python "$(command -v python3)" "$dir" &&
            "$made"/uv-*.data/scripts/uv --no-config --cache-dir "$made/cache" pip install -q --only-binary :all: --no-deps \
                --python "$dir/bin/python" -r "$schedulers_here/schedulers/requirements.txt" &&
            "$dir/bin/python" -m pip download -q --no-deps --no-binary :all: --no-build-isolation -d "$made" "$junit_source" &&
            tar -xzf "$made"/pytest-*.tar.gz -C "$made" && mv "$made"/pytest-*/testing/example_scripts/junit-10.xsd "$dir/junit-10.xsd" &&
            AIRFLOW_HOME=$dir/home AIRFLOW__CORE__LOAD_EXAMPLES=False "$dir/bin/airflow" db migrate &&
            touch "$dir/complete"
    } </dev/null >"$log" 2>&1 || { tail -n 20 "$log" >&2; rm -rf "$made" "$dir"; return 1; }
    rm -rf "$made"
    # What other versions left long ago; a newer one may be at work.
    find "$servers_cache" -maxdepth 1 -name 'schedulers-????????????' ! -path "$dir" -mtime +30 -exec rm -rf {} +
}

if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    need_schedulers
    for name in SCHEDULERS GROOVY JAVA; do
        name=RECON_TEST_$name
        printf 'export %s=%q\n' "$name" "${!name}"
    done
fi
