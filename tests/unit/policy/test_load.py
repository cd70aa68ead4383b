"""Policy files are checked to the key; policies are built once, from versions that fit."""

import hashlib
import logging
from dataclasses import replace
from pathlib import Path

import pytest

from bandit_router.errors import ConfigError, CorruptArtifact
from bandit_router.policy.load import build, learning_names, load_spec, load_specs, spec_hash
from bandit_router.policy.spec import KINDS, FixedCascadeSpec, MixtureSpec, Spec, TaxonomySpec, Thresholds, VwCbSpec
from bandit_router.protocols import LearningPolicy
from bandit_router.types import Version
from tests.unit.policy.factories import NOW, event, fleet, reward_of, state, step

SHIPPED = Path(__file__).parents[3] / "policies"


def write(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.toml").write_text(text)
    return folder


def mixing(*names: str) -> str:
    return 'kind = "mixture"\n' + "".join(f'[[components]]\npolicy = "{name}"\n' for name in names)


def learner(specs: dict[str, Spec], artifacts: dict[str, Version] | None = None, name: str = "vw") -> LearningPolicy:
    policy = build(specs, artifacts or {}, reward=reward_of)[name]
    assert isinstance(policy, LearningPolicy)
    return policy


def version(spec: Spec, artifact: bytes, number: int = 7) -> Version:
    return Version(
        policy=spec.name,
        number=number,
        artifact=artifact,
        checksum=hashlib.sha256(artifact).hexdigest(),
        cursor=1,
        events=1,
        spec_hash=spec_hash(spec),
        parent=None,
        created_at=NOW,
    )


def test_every_kind_has_a_shipped_file_and_all_build() -> None:
    specs = load_specs(SHIPPED)
    assert {spec.kind for spec in specs.values()} == set(KINDS)
    assert set(build(specs, {}, reward=reward_of)) == set(specs)


@pytest.mark.parametrize("name", ["vw_cb", "learned", "taxonomy", "emafusion"])
def test_a_shipped_file_spells_out_the_defaults(name: str) -> None:
    shipped = load_spec(SHIPPED / f"{name}.toml")
    text = (SHIPPED / f"{name}.toml").read_text()
    assert [key for key in type(shipped).model_fields if key != "name" and key not in text] == []
    given = {"kind", "description", "fallback", "fit", "taxonomy", "learned"} & set(type(shipped).model_fields)
    assert shipped == type(shipped).model_validate({key: getattr(shipped, key) for key in given} | {"name": name})


def test_a_policy_is_named_after_its_file_unless_it_says_otherwise(tmp_path: Path) -> None:
    write(tmp_path, one='kind = "vw_cb"', two='kind = "vw_cb"\nname = "second"')
    assert sorted(load_specs(tmp_path)) == ["one", "second"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('kind = "vw_bc"', r"p\.toml:1: .*'vw_bc'; did you mean 'vw_cb'\?"),
        ('name = "x"', "key 'kind' is missing"),
        ("kind = ", "not valid TOML"),
        ('kind = "vw_cb"\ngama_scale = 3', r"p\.toml:2: unknown key 'gama_scale'; did you mean 'gamma_scale'\?"),
        (
            'kind = "fixed_cascade"\n\n[thresholds]\ndefualt = 0.5',
            r"p\.toml:4: unknown key 'defualt'; did you mean 'default'\?",
        ),
        ('kind = "mixture"\n[[components]]\npolcy = "a"', r"did you mean 'policy'\?|'components.0.policy' is missing"),
        ('kind = "vw_cb"\nmin_exploration = 0.3', r"p\.toml:2: min_exploration: .*0\.2"),
        ('kind = "vw_cb"\ngamma_scale = nan', r"p\.toml:2: gamma_scale"),
        ('kind = "static"', "key 'model' is missing"),
        ('kind = "static"\nmodel = "m"\nname = "pinned"', "'pinned' is reserved"),
        ('kind = "static"\nmodel = "m"\nname = "a+b"', r"p\.toml:3: name"),
    ],
)
def test_a_bad_file_is_refused_with_its_place_and_remedy(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, p=text)
    with pytest.raises(ConfigError, match=message):
        load_specs(tmp_path)


def test_a_component_without_a_policy_is_named_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, mix=mixing("vw", "fixd"), vw='kind = "vw_cb"', fixed='kind = "fixed_cascade"')
    with pytest.raises(ConfigError, match=r"mix\.toml:5: no policy is named 'fixd'; did you mean 'fixed'\?"):
        load_specs(tmp_path)


def test_a_mixture_that_holds_itself_by_way_of_another_is_refused(tmp_path: Path) -> None:
    write(tmp_path, a=mixing("b"), b=mixing("a"))
    with pytest.raises(ConfigError, match="a > b > a"):
        load_specs(tmp_path)


def test_a_taxonomy_whose_fallback_leads_back_to_it_is_refused(tmp_path: Path) -> None:
    write(tmp_path, t='kind = "taxonomy"\nfit = true\nfallback = "mix"', mix=mixing("t"))
    with pytest.raises(ConfigError, match=r"made of itself: (t > mix > t|mix > t > mix)"):
        load_specs(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            'kind = "taxonomy"\nfit = true\nfallback = "vw2"',
            r"p\.toml:3: no policy is named 'vw2'; did you mean 'vw'\?",
        ),
        ('kind = "taxonomy"\nfallback = "vw"', r"either a \[table\] of starts or fit = true"),
        ('kind = "taxonomy"\nfallback = "vw"\nfit = true\n[table]\ncode = "m"', "either a"),
        ('kind = "emafusion"\ntaxonomy = "vw"\nlearned = "vw"', r"p\.toml:2: 'vw' is of kind vw_cb; .* taxonomy"),
        ('kind = "emafusion"\ntaxonomy = "t"\nlearned = "leaned"', r"p\.toml:3: no policy is named 'leaned'"),
    ],
)
def test_a_policy_made_of_what_cannot_serve_it_is_refused(tmp_path: Path, text: str, message: str) -> None:
    write(tmp_path, p=text, vw='kind = "vw_cb"', t='kind = "taxonomy"\nfit = true\nfallback = "vw"')
    with pytest.raises(ConfigError, match=message):
        load_specs(tmp_path)


def test_two_files_may_not_name_the_same_policy(tmp_path: Path) -> None:
    write(tmp_path, a='kind = "vw_cb"', b='kind = "vw_cb"\nname = "a"')
    with pytest.raises(ConfigError, match=r"b\.toml: .*a\.toml also names its policy 'a'"):
        load_specs(tmp_path)


def test_a_folder_without_policies_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="no policy file"):
        load_specs(tmp_path)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0.6, Thresholds(default=0.6)),
        ([0.9, 0.8], Thresholds(default=0.8, tiers={0: 0.9, 1: 0.8})),
        ({"default": 0.5, "2": 0.1}, Thresholds(default=0.5, tiers={2: 0.1})),
        ({}, Thresholds()),
    ],
)
def test_thresholds_may_be_a_number_a_list_or_a_table(given: object, expected: Thresholds) -> None:
    assert FixedCascadeSpec.model_validate({"kind": "fixed_cascade", "thresholds": given}).thresholds == expected


def test_a_mixture_shares_the_objects_of_the_mapping() -> None:
    specs: dict[str, Spec] = {
        "a-mix": MixtureSpec.model_validate({"kind": "mixture", "name": "a-mix", "components": [{"policy": "vw"}]}),
        "vw": VwCbSpec(kind="vw_cb", name="vw"),
    }
    policies = build(specs, {}, reward=reward_of)
    before = policies["a-mix"].pmf(state(), fleet(2))
    vw = policies["vw"]
    assert isinstance(vw, LearningPolicy)
    vw.learn([event(step(fleet(2), 0), reward=0.0)])
    assert policies["a-mix"].pmf(state(), fleet(2)) != before


def test_only_learning_policies_are_named_as_such() -> None:
    specs = load_specs(SHIPPED)
    policies = build(specs, {}, reward=reward_of)
    assert learning_names(specs) == tuple(sorted(n for n, p in policies.items() if isinstance(p, LearningPolicy)))
    assert {"learned", "taxonomy", "vw_cb"} < set(learning_names(specs))


def test_a_taxonomy_with_a_table_learns_nothing() -> None:
    spec = TaxonomySpec.model_validate({"kind": "taxonomy", "name": "t", "fallback": "f", "table": {"code": "m"}})
    assert learning_names({"t": spec, "f": FixedCascadeSpec(kind="fixed_cascade", name="f")}) == ()


def test_a_policy_says_which_version_it_was_built_from() -> None:
    spec = VwCbSpec(kind="vw_cb", name="vw")
    assert learner({"vw": spec}, {"vw": version(spec, learner({"vw": spec}).dump())}).version == "7"


def test_a_changed_spec_starts_cold_with_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    old = VwCbSpec(kind="vw_cb", name="vw")
    stored = version(old, learner({"vw": old}).dump())
    with caplog.at_level(logging.WARNING):
        policy = learner({"vw": old.model_copy(update={"gamma_scale": 50.0})}, {"vw": stored})
    assert policy.version == "0"
    assert "vw has changed since version 7" in caplog.text


@pytest.mark.parametrize("change", [{"thresholds": Thresholds(default=0.1)}, {"min_exploration": 0.2}, {"name": "v2"}])
def test_a_change_of_what_does_not_shape_the_state_keeps_it(change: dict[str, object]) -> None:
    spec = VwCbSpec(kind="vw_cb", name="vw")
    assert spec_hash(spec.model_copy(update=change)) == spec_hash(spec)


def test_a_damaged_artifact_is_refused() -> None:
    spec = VwCbSpec(kind="vw_cb", name="vw")
    with pytest.raises(CorruptArtifact):
        learner({"vw": spec}, {"vw": version(spec, b"garbage")})


@pytest.mark.parametrize(
    ("learn_from", "logged_by", "learned"),
    [
        ("all", "other", True),
        ("all", "pinned", False),
        ("own", "vw", True),
        ("own", "mix", True),
        ("own", "outer", True),
        ("own", "other", False),
    ],
)
def test_what_is_learned_from(learn_from: str, logged_by: str, learned: bool) -> None:
    files: list[Spec] = [
        VwCbSpec.model_validate({"kind": "vw_cb", "name": "vw", "learn_from": learn_from}),
        FixedCascadeSpec(kind="fixed_cascade", name="other"),
        MixtureSpec.model_validate({"kind": "mixture", "name": "mix", "components": [{"policy": "vw"}]}),
        MixtureSpec.model_validate({"kind": "mixture", "name": "outer", "components": [{"policy": "mix"}]}),
    ]
    policy = learner({spec.name: spec for spec in files})
    cold = policy.dump()
    policy.learn([event(step(fleet(2), 0), reward=0.3, policy=logged_by)])
    assert (policy.dump() != cold) is learned


@pytest.mark.parametrize(
    ("learn_from", "kind", "run_by", "learned"),
    [
        ("all", "probe", "probe", True),
        ("own", "probe", "probe", True),
        ("all", "shadow", "other", False),
        ("all", "shadow", "vw", False),
        ("own", "shadow", "vw", True),
        ("own", "shadow", "other", False),
    ],
)
def test_probes_teach_everyone_and_a_shadow_only_a_policy_that_learns_by_itself(
    learn_from: str, kind: str, run_by: str, learned: bool
) -> None:
    spec = VwCbSpec.model_validate({"kind": "vw_cb", "name": "vw", "learn_from": learn_from})
    policy = learner({"vw": spec})
    cold, seen = policy.dump(), event(step(fleet(2), 0), reward=0.3, policy=run_by)
    policy.learn([replace(seen, decision=replace(seen.decision, kind=kind))])
    assert (policy.dump() != cold) is learned
