"""The inventory that ships, operators' own, and this machine."""

from __future__ import annotations

from pathlib import Path

import pytest

from hearth.deployments.placement import (
    LOCAL,
    AcceleratorType,
    cpu_stock,
    local_stocks,
    parse_accelerator,
    read_inventory,
    shipped_inventory,
    with_local,
    without_emulated,
)
from hearth.deployments.placement.local import gpu_stocks
from hearth.errors import SetupError

REGION = """
[[region]]
name = "rack-1"
contract_region = "EU_FRANKFURT_1"
multi_region = "EUROPE"
cloud = "own"
place = "the cellar"
timezone = "Europe/Berlin"
certifications = ["gdpr"]
accelerators = { h100 = 8 }
"""


def test_the_shipped_inventory_has_18_regions_of_8_clouds_and_10_000_accelerators() -> None:
    inventory = shipped_inventory()
    regions = inventory.regions

    assert len(regions) == len({region.contract_region for region in regions}) == 18
    assert len({region.cloud for region in regions}) == 8
    assert sum(inventory.capacity().values()) == 10_000
    assert {"us-west-2", "eu-west-1", "asia-southeast-1"} <= {region.name for region in regions}
    assert all(stock.is_emulated for region in regions for stock in region.stocks)


def test_every_common_accelerator_is_somewhere() -> None:
    there = {kind for _, kind in shipped_inventory().capacity()}
    common = ["a100", "h100", "h200", "b200", "mi300x"]

    assert {parse_accelerator(name) for name in common} <= there


def test_an_operators_file_is_read(tmp_path: Path) -> None:
    (tmp_path / "own.toml").write_text(REGION)

    inventory = read_inventory(tmp_path / "own.toml")

    assert inventory.capacity() == {("rack-1", AcceleratorType.NVIDIA_H100_80GB): 8}
    assert not inventory.regions[0].stocks[0].is_emulated


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('"rack-1"', '"Rack 1"', "Rack 1.*name"),
        ('"rack-1"', '"local"', "reserved"),
        ('name = "rack-1"\n', "", "region 1.*name"),
        ("h100 = 8", "h100 = 0", r"rack-1.*accelerators"),
        ("h100 = 8", "h10 = 8", "rack-1.*accelerators.*Did you mean `h100`"),
        ("h100 = 8", "h100 = 8, H100 = 4", "said twice"),
        ("h100 = 8", "cpu = 8", "CPU is only this machine's"),
        ('"EUROPE"', '"GLOBAL"', "rack-1.*multi_region"),
        ('"EUROPE"', '"MARS"', "rack-1.*multi_region"),
        ('"Europe/Berlin"', '"Mars/Base"', "rack-1.*timezone"),
        ("cloud", "clowd", "rack-1.*clowd"),
        ("[[region]]", "[[regions]]", "regions"),
        ("[[region]]", "[[region", "own.toml"),
        ("accelerators = { h100 = 8 }", "accelerators = { h100 = 8 }" + REGION, "there twice"),
    ],
)
def test_a_fault_in_a_file_is_named_with_entry_and_field(
    tmp_path: Path, old: str, new: str, told: str
) -> None:
    (tmp_path / "own.toml").write_text(REGION.replace(old, new))

    with pytest.raises(SetupError, match=told):
        read_inventory(tmp_path / "own.toml")


def test_a_file_that_is_not_there_is_a_setup_error(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match=r"none\.toml cannot be read"):
        read_inventory(tmp_path / "none.toml")


def test_this_machine_is_a_region_with_its_memory_in_shares() -> None:
    inventory = with_local(shipped_inventory(), local_stocks())
    local = inventory.regions[0]

    assert local.name == LOCAL
    assert not any(stock.is_emulated for stock in local.stocks)
    assert local.stocks[0].accelerator is AcceleratorType.CPU
    assert local.stocks[0].count * local.stocks[0].share_bytes <= local.stocks[0].memory_bytes


def test_without_emulated_places_only_this_machine_is_left() -> None:
    real = without_emulated(with_local(shipped_inventory(), (cpu_stock(2**33),)))

    assert [region.name for region in real.regions] == [LOCAL]


def test_real_gpus_are_read_from_what_nvidia_smi_lists() -> None:
    listing = (
        "NVIDIA H100 80GB HBM3, 81559\nNVIDIA H100 80GB HBM3, 81559\nNVIDIA A100-SXM4-40GB, 40960\n"
        "NVIDIA H200, 143771\nNVIDIA L4, 23034\nNVIDIA GeForce RTX 4090, 24564\n"
        "NVIDIA A10G, [N/A]\n"
    )

    found = {stock.accelerator: stock.count for stock in gpu_stocks(listing)}

    assert found == {
        AcceleratorType.NVIDIA_H100_80GB: 2,
        AcceleratorType.NVIDIA_A100_40GB: 1,
        AcceleratorType.NVIDIA_H200_141GB: 1,
        AcceleratorType.NVIDIA_L4_24GB: 1,
    }
    assert not any(stock.is_emulated for stock in gpu_stocks(listing))
