"""router.toml is checked strictly, and a mistake is answered with file, line, key and remedy."""

from pathlib import Path

import pytest

from bandit_router.errors import ConfigError
from bandit_router.settings import Settings, load_settings, parse_toml

MODEL = '[[models]]\nname = "small"\ntarget = "openai/gpt-4o-mini"\ntier = 0\n'


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_toml(text, Settings, path="router.toml")
    return str(caught.value)


def test_a_model_is_all_that_must_be_given() -> None:
    assert parse_toml(MODEL, Settings, path="router.toml").models[0].name == "small"


def test_an_unknown_key_is_named_with_its_line_and_the_nearest_valid_one() -> None:
    message = refused(MODEL + "\n[reward]\nvalue_us = 1.0\n")
    assert message == "router.toml:7: unknown key 'value_us'; did you mean 'value_usd'?"


def test_an_unknown_key_of_the_second_model_is_found_in_the_second_model() -> None:
    message = refused(MODEL + MODEL.replace("small", "large") + "tmeout_s = 3\n")
    assert message == "router.toml:9: unknown key 'tmeout_s'; did you mean 'timeout_s'?"


def test_an_unknown_table_is_named() -> None:
    assert refused(MODEL + "[rewards]\n").endswith("unknown key 'rewards'; did you mean 'reward'?")


def test_a_value_out_of_range_is_named_with_its_line() -> None:
    message = refused(MODEL + "[server]\nport = 70000\n")
    assert message.startswith("router.toml:6: server.port: ")


def test_an_entry_that_contradicts_itself_is_named_with_the_line_it_starts_in() -> None:
    text = MODEL + '[[judges]]\nkind = "rules"\nshare = 0.5\n[[judges]]\nkind = "relevance"\n'
    assert refused(text).startswith("router.toml:5: judges.0: rules are free")


def test_a_missing_key_is_named() -> None:
    assert "'models.0.name' is missing" in refused('[[models]]\ntarget = "x"\n')


def test_text_that_is_not_toml_is_refused() -> None:
    assert "not valid TOML" in refused("models = [")


def test_nan_is_no_value() -> None:
    assert "reward.value_usd" in refused(MODEL + "[reward]\nvalue_usd = nan\n")


def test_two_models_of_one_name_are_refused() -> None:
    assert "two models are named 'small'" in refused(MODEL + MODEL)


@pytest.mark.parametrize("name", ["auto", "stop", "*", "tier-0", "tier-12"])
def test_a_model_cannot_have_a_name_that_stands_for_something_else(name: str) -> None:
    assert f"'{name}' already stands for" in refused(MODEL.replace("small", name))


@pytest.mark.parametrize("name", [r"a\u0000b", r"a\nb", r"a\u202Eb", " small"])
def test_a_models_name_is_what_one_sees_of_it(name: str) -> None:
    assert "cannot be printed as it is" in refused(MODEL.replace("small", name))


@pytest.mark.parametrize(
    ("key", "value"), [("tier", 1001), ("input_usd_per_million", 1e7), ("expected_output_tokens", 10**10)]
)
def test_numbers_of_a_model_that_nothing_could_be_reckoned_with_are_refused(key: str, value: float) -> None:
    assert key in refused(f"{MODEL.replace('tier = 0', '')}{key} = {value}\n")


def test_list_prices_come_over_http_or_from_litellm() -> None:
    assert "discovery.prices" in refused(MODEL + '[discovery]\nprices = "file:///etc/passwd"\n')
    assert parse_toml(MODEL, Settings, path="router.toml").discovery.prices is None


def test_auth_off_is_refused_off_loopback() -> None:
    assert "loopback" in refused(MODEL + '[server]\nhost = "0.0.0.0"\nauth = "off"\n')


def test_requests_can_be_kept_for_probing_only_where_text_is_stored() -> None:
    probing = "[probing]\nstored_hours = 24\n"
    assert 'set log_text = "redacted" or "full"' in refused(MODEL + probing)
    kept = parse_toml(MODEL + probing + '[store]\nlog_text = "redacted"\n', Settings, path="router.toml")
    assert kept.probing.stored_hours == 24.0


def test_an_llm_judge_needs_a_target() -> None:
    assert "needs a target" in refused(MODEL + '[[judges]]\nkind = "llm"\n')


def test_a_pairwise_judge_needs_a_target() -> None:
    assert "needs a target" in refused(MODEL + '[[judges]]\nkind = "pairwise"\n')


@pytest.mark.parametrize("key", ['target = "m"', "max_cost_usd = 1", 'criteria = { "math" = "units" }', 'family = "x"'])
def test_a_judge_that_is_no_model_takes_no_key_for_models(key: str) -> None:
    assert "which is for llm and pairwise" in refused(MODEL + f'[[judges]]\nkind = "consistency"\n{key}\n')


def test_the_rules_see_every_answer() -> None:
    assert "take share out" in refused(MODEL + '[[judges]]\nkind = "rules"\nshare = 0.5\n')


def test_a_logprob_judge_needs_a_model_that_is_asked_for_log_probabilities() -> None:
    judge = '[[judges]]\nkind = "logprob"\n'
    assert "add logprobs = true" in refused(MODEL + judge)
    assert parse_toml(MODEL + "logprobs = true\n" + judge, Settings, path="x").models[0].logprobs


def test_an_unknown_key_of_a_grader_is_named() -> None:
    told = refused(MODEL + '[[judges]]\nkind = "llm"\ntarget = "m"\n[[judges.graders]]\ntarget = "n"\nfamly = "x"\n')
    assert "unknown key 'famly'; did you mean 'family'?" in told


def test_a_missing_file_points_to_init(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="bandit-router init"):
        load_settings(tmp_path / "router.toml")


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    (tmp_path / "router.toml").write_text(MODEL + '[context]\ntaxonomy = "mine.toml"\n')
    settings = load_settings(tmp_path / "router.toml")
    assert settings.policies.dir == tmp_path / "policies"
    assert settings.context.taxonomy == tmp_path / "mine.toml"
    assert settings.store.url == f"sqlite:///{tmp_path}/router.db"


FUSE = '[[models]]\nname = "both"\nkind = "fuse"\ntier = 1\n'


def test_a_model_needs_a_target() -> None:
    assert "add target" in refused('[[models]]\nname = "small"\ntier = 0\n')


def test_a_fusion_names_what_it_calls() -> None:
    assert 'give through = "its name"' in refused(MODEL + FUSE)
    assert "did you mean 'small'" in refused(MODEL + FUSE + 'through = "smal"\n')


def test_only_a_fusion_goes_through_another_model() -> None:
    assert 'is for kind = "fuse"' in refused(MODEL + 'through = "small"\n')


@pytest.mark.parametrize(("key", "value"), [("size_b", "0"), ("size_b", "inf"), ("benchmarks", "{ mmlu = 72 }")])
def test_what_is_stated_of_a_model_must_be_possible(key: str, value: str) -> None:
    assert key in refused(MODEL + f"{key} = {value}\n")


def test_scores_are_stated_by_benchmark() -> None:
    settings = parse_toml(MODEL + "benchmarks = { mmlu_pro = 0.72 }\n", Settings, path="x")
    assert settings.models[0].benchmarks == {"mmlu_pro": 0.72}
