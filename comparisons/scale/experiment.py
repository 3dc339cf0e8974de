"""Taking the samples of one experiment, and what comes out of them."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from statistics import median

from comparisons.scale.figures import Figures
from comparisons.scale.growth import STEEPEST, TOLD_FROM, crossover, exponent, told_crossover
from comparisons.scale.plan import LOOPS, Machine, Point
from comparisons.supervisor import ChildError, ask

SAMPLE_SECONDS = 300.0
REFERENCE = "miniloop"


@dataclass
class Experiment:
    name: str
    points: list[Point]
    rounds: int
    samples: dict[Point, list[Figures]] = field(default_factory=dict)
    refused: dict[Point, str] = field(default_factory=dict)
    errors: dict[Point, str] = field(default_factory=dict)

    def refuse(self, machine: Machine) -> None:
        """What there is no room for is not tried."""
        objections = {point: machine.objection(point) for point in self.points}
        self.refused |= {point: why for point, why in objections.items() if why}

    @property
    def tries(self) -> list[Point]:
        """All samples to be taken: for each number round by round, a sample of each model."""
        tries: list[Point] = []
        for many in dict.fromkeys(point.many for point in self.points):
            row = [point for point in self.points if point.many == many]
            for number in range(self.rounds):
                first = number % len(row)  # so that none always follows the same
                turned = row[first:] + row[:first]
                tries += [point for point in turned if number == 0 or not point.slow]
        return tries

    def take(self) -> Iterator[Point]:
        """Take all samples; before each, say of what it is."""
        for point in self.tries:
            yield point
            if point not in self.errors and not self._hopeless(point):
                self._sample(point)

    def _hopeless(self, point: Point) -> bool:
        """The machine has refused as many, or fewer, of the same."""
        return any(
            point.model == other.model and point.many >= other.many for other in self.refused
        )

    def _sample(self, point: Point) -> None:
        question = point._asdict()
        try:
            answer = ask("comparisons.scale.sample", question, SAMPLE_SECONDS)
        except ChildError as error:
            self.errors[point] = str(error)
            return
        if "refused" in answer:
            self.refused[point] = answer["refused"]
        else:
            self.samples.setdefault(point, []).append(Figures(**answer["figures"]))

    # -- what comes out ---------------------------------------------------------------------------

    @property
    def models(self) -> list[str]:
        return list(dict.fromkeys(point.model for point in self.points))

    def medians(self, point: Point) -> Figures | None:
        samples = self.samples.get(point)
        if not samples or point in self.errors or point in self.refused:
            return None
        return Figures(*map(median, zip(*samples, strict=True)))

    def curve(self, model: str, figure: str) -> dict[int, float]:
        """The medians of a figure by N; `figure` is a field of Figures."""
        found = {point.many: self.medians(point) for point in self.points if point.model == model}
        return {many: getattr(each, figure) for many, each in found.items() if each is not None}

    def exponents(self, model: str) -> dict[str, float]:
        """Of what N of them cost on top, CPU time and memory; left out where it cannot be told."""
        found = {}
        for what, figure in (("CPU", "cpu_each"), ("memory", "memory_each")):
            on_top = {many: many * each for many, each in self.curve(model, figure).items()}
            slope = exponent(on_top)
            if slope is not None:
                found[what] = slope
        return found

    def growth(self) -> list[str]:
        """A sentence for each model."""
        told = []
        for model in self.models:
            slopes = self.exponents(model)
            if slopes:
                grown = ", ".join(f"{what} ∝ N^{slope:.2f}" for what, slope in slopes.items())
                told.append(f"{model}: {grown}")
        return told

    def warnings(self) -> list[str]:
        """Where a loop's growth is more than linear."""
        return [
            f"{self.name}, {model}: {what} grows as N^{slope:.2f}, more than linear"
            for model in self.models
            if model in LOOPS
            for what, slope in self.exponents(model).items()
            if slope > STEEPEST[what] and max(self.curve(model, "cpu")) >= TOLD_FROM
        ]

    def crossovers(self, figure: str) -> dict[str, float | None]:
        """From which N on threads, or processes, cost more than miniloop."""
        others = [model for model in self.models if model not in LOOPS]
        loop = self.curve(REFERENCE, figure)
        return {model: crossover(loop, self.curve(model, figure)) for model in others}

    def told_crossovers(self) -> list[str]:
        """A sentence for each of them."""
        told = []
        for what, figure in (("CPU time", "cpu"), ("memory", "memory")):
            for other, at in self.crossovers(figure).items():
                both = self.curve(REFERENCE, figure).keys() & self.curve(other, figure).keys()
                told.append(told_crossover(other, what, at, sorted(both)))
        return list(filter(None, told))
