"""Taking the samples of one workload and comparing its rows.

Samples are interleaved: one of each model, then again from the first. So drift of the machine
affects all models equally. A model that failed once is not sampled again; the others continue.

The result of every sample is compared with that of the sequential model. The pages of a real site
may change between fetches: if the sequential samples disagree about a page, only its status is
compared.
"""

import shutil
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import NamedTuple

from comparisons.job import Job
from comparisons.models import Outcome
from comparisons.plan import REFERENCE, Plan, jobs_of, sample_limit, workers_shown
from comparisons.ratios import Ratio, ratio_of_medians
from comparisons.supervisor import ChildError, take_sample
from comparisons.workloads import WORKLOADS


class Medians(NamedTuple):
    """The medians of a row's samples, in seconds and bytes."""

    startup: float
    submit: float
    work: float
    wall: float
    cpu: float
    memory: float


@dataclass
class Row:
    job: Job
    samples: list[Outcome] = field(default_factory=list)
    error: str = ""
    ratio: Ratio | None = None
    same_result: bool | None = None
    """None if there is nothing to compare with."""

    @property
    def model(self) -> str:
        return self.job.model

    @property
    def workers(self) -> str:
        return workers_shown(self.job)

    @property
    def medians(self) -> Medians:
        return Medians(*(median(getattr(each, name) for each in self.samples) for name in _FIGURES))

    @property
    def walls(self) -> list[float]:
        return [sample.wall for sample in self.samples]


_FIGURES = Medians._fields


@dataclass
class Comparison:
    """One workload on every model of the plan."""

    workload: str
    plan: Plan
    rows: list[Row]
    changing_pages: int = 0

    @classmethod
    def prepared(cls, workload: str, plan: Plan, own_server: str) -> "Comparison":
        return cls(workload, plan, [Row(job) for job in jobs_of(workload, plan, own_server)])

    @property
    def errors(self) -> list[str]:
        return [f"{self.workload}, {row.model}: {row.error}" for row in self.rows if row.error]

    def samples(self, scratch: Path) -> Iterator[Row]:
        """Take all samples; yield the row before each of its samples."""
        for _ in range(self.plan.samples):
            for row in self.rows:
                yield row
                if not row.error:
                    self._sample(row, scratch)

    def _sample(self, row: Row, scratch: Path) -> None:
        folder = ""
        try:
            if row.job.workload == "mixed":
                folder = tempfile.mkdtemp(prefix="pages-", dir=scratch)
            outcome = take_sample(row.job._replace(folder=folder), sample_limit(self.plan))
            row.samples.append(outcome)
        except ChildError as error:
            row.error = str(error)
        except OSError as error:
            row.error = f"cannot write to {scratch}: {error.strerror}"
        finally:
            if folder:
                shutil.rmtree(folder)

    def judge(self) -> None:
        """Compare the results and times of each row that has samples with the reference."""
        reference = next(row for row in self.rows if row.model == REFERENCE)
        if not reference.samples:
            return
        expected = self._expected(reference)
        for row in self.rows:
            if row.samples:
                row.ratio = ratio_of_medians(row.walls, reference.walls)
                self._check(row, expected)

    def _expected(self, reference: Row) -> list[str]:
        """Return the results of the reference; only the status for a page that changes."""
        versions = zip(*(sample.results for sample in reference.samples), strict=True)
        first = reference.samples[0].results
        if not (self.plan.urls and WORKLOADS[self.workload].fetches):
            return first
        expected = [
            found if len(set(version)) == 1 else found.split()[0]
            for found, version in zip(first, versions, strict=True)
        ]
        self.changing_pages = sum(1 for result in expected if " " not in result)
        return expected

    def _check(self, row: Row, expected: list[str]) -> None:
        wrong = [
            index
            for sample in row.samples
            for index, (found, wanted) in enumerate(zip(sample.results, expected, strict=True))
            if found != wanted and found.split()[0] != wanted
        ]
        row.same_result = not wrong
        if wrong and not row.error:
            row.error = (
                f"{len(set(wrong))} of {len(expected)} results differ from {REFERENCE}'s, "
                f"starting with number {min(wrong)}"
            )
            if self.plan.urls:
                row.error += "; the pages may have changed between fetches"
