"""recon in Airflow 3: what the calendar says is due is verified, and the DAG waits until a person has released it.

    register -> for each payout that is due: verify -> approved -> released

Nothing but bash: exit codes are all that a task and recon say to each other (docs/schedulers.md). The DAG never runs
`recon release`: whoever verified cannot approve. An approver runs `recon release payout --param … --by WHO` from elsewhere,
and the DAG sees it in the ledger. What pays comes after `released`, and begins with `recon stage`.

No secret stands here: recon.toml takes the stores' URLs from the environment of the workers.
"""

from __future__ import annotations

import json
import os
import shlex
from datetime import datetime, timedelta

from airflow.providers.standard.operators.bash import BashOperator
from airflow.providers.standard.sensors.bash import BashSensor
from airflow.sdk import DAG, task_group

# The folder of recon.toml, the seconds between two looks at the ledger, and those before each further try to verify.
PROJECT = os.environ.get("RECON_PROJECT", "/srv/payout")
POKE = float(os.environ.get("RECON_POKE", "60"))
PAUSES = os.environ.get("RECON_PAUSES", "60 300")

# What `register` said of this payout. The words are quoted for a shell already.
THIS = "ti.xcom_pull(task_ids='register')[ti.map_index]"


def due_now(said: str) -> list[dict[str, str]]:
    """Of what `recon calendar due --format json` says: each cycle that is to be verified now.

    A released one stays on the list until its day is over. To take it again would pay it again.
    """
    return [
        {
            "verify": one["command"],
            "cycle": shlex.join(
                [one["reconciliation"], *(word for name, day in one["params"].items() for word in ("--param", f"{name}={day}"))]
            ),
        }
        for one in json.loads(said)
        if one["state"] == "due" and not one["released"]
    ]


with DAG(
    dag_id="recon_payout",
    # The evening job registers at 18:00; 22:00 and 02:00 are when it is verified (docs/calendar.md).
    schedule="5 9,13,17 * * *",  # UTC: 18:05, 22:05 and 02:05 in Seoul
    start_date=datetime(2026, 1, 1),
    catchup=False,  # the calendar is asked what is due now, never what was due on a day gone by
    max_active_runs=5,  # a payout that waits for its approval does not hold up the next
    tags=["recon", "payout"],
) as dag:
    register = BashOperator(
        task_id="register",
        bash_command=f"cd {shlex.quote(PROJECT)} && recon calendar due investors --by airflow --format json",
        output_processor=due_now,
        # 3: a store could not be read, which may pass; 2 is wrong until somebody mends it, and costs two tries.
        retries=2,
    )

    @task_group(group_id="payout")
    def payout(due: dict[str, str]) -> None:
        verify = BashOperator(
            task_id="verify",
            # 3: it could not be verified; a store that was away may be back in a minute. Every other code is an answer that
            # stays the same. Airflow's own retries know no difference, so the tries are made here. What is decided already is
            # only reported.
            bash_command=f"""
                cd {shlex.quote(PROJECT)} || exit
                for pause in {PAUSES} end; do
                    code=0
                    {{{{ {THIS}.verify }}}} --by airflow --json-log || code=$?
                    if [ "$code" != 3 ] || [ "$pause" = end ]; then exit "$code"; fi
                    sleep "$pause"
                done
            """,
            retries=0,
        )
        approved = BashSensor(
            task_id="approved",
            # One look. 3: not approved yet, look again later. 1: blocked or aborted, so nobody waits any longer.
            bash_command=f"""
                cd {shlex.quote(PROJECT)} || exit
                recon status {{{{ {THIS}.cycle }}}} --wait approved --timeout 1s
            """,
            retry_exit_code=3,
            poke_interval=POKE,
            timeout=timedelta(hours=12).total_seconds(),
            mode="reschedule",  # frees the worker between two looks
            retries=0,
        )
        released = BashOperator(
            task_id="released",
            # The approver's command releases too. One that was cut off in between is finished by running it again.
            bash_command=f"""
                cd {shlex.quote(PROJECT)} || exit
                recon status {{{{ {THIS}.cycle }}}} --wait released --timeout 10m
            """,
            retries=0,
        )
        verify >> approved >> released

    payout.expand(due=register.output)
