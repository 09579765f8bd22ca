"""Reads exported files with the programs that scientists use, and compares them with what was to be written.

Usage: readers.py READER EXPECTED.json; the file has a list, with the folder of a product and what is to be in it. Ends with 1
and a traceback at the first difference.
"""

import csv as plain_csv
import glob
import json
import os
import sys

import numpy as np

READER, FACTS = sys.argv[1:]
# What is compared at the moment.
WANTED = {}
FOLDER = ""
FLAG_ORDER = []


def numbers(values):
    """None is NaN."""
    return np.array(values, dtype=float)


def one(ending):
    (path,) = glob.glob(os.path.join(glob.escape(FOLDER), "*" + ending))
    return path


def equal(found, wanted, what):
    np.testing.assert_array_equal(np.asarray(found), np.asarray(wanted), err_msg=what)


def names_of(mask):
    return [name for bit, name in enumerate(FLAG_ORDER) if mask & (1 << bit)]


def netcdf():
    import xarray

    path = one(".nc")
    datasets = [xarray.open_dataset(path, engine=engine).load() for engine in ("netcdf4", "h5netcdf")]
    for dataset in datasets:
        check_netcdf(dataset)
    xarray.testing.assert_identical(*datasets)
    check_structure(path)
    print("xarray", dict(datasets[0].sizes))


def check_netcdf(dataset):
    name = WANTED["variable"]
    kind = np.float64 if WANTED["level"] == "counts" else np.float32
    equal(dataset["wavelength"].values, WANTED["wavelengths"], "wavelength")
    assert dataset["wavelength"].attrs["units"] == "nm"
    values = dataset[name]
    assert values.dims == ("time", "wavelength") and values.dtype == kind, values
    equal(values.values, numbers(WANTED["values"]).astype(kind), name)
    assert values.attrs["units"] == WANTED["units"]
    assert values.attrs.get("standard_name") == WANTED["standardName"]
    ancillary = values.attrs["ancillary_variables"].split()
    for suffix, wanted in WANTED["errors"].items():
        errors = dataset[name + suffix]
        equal(errors.values, numbers(wanted).astype(np.float32), suffix)
        assert errors.attrs["units"] == WANTED["units"] and errors.name in ancillary
        # CF's modifier standard_error is of noise and systematic uncertainty together.
        assert "standard_name" not in errors.attrs
    assert [one for one in dataset if one.endswith("_error") and one.startswith(name)] == [
        name + suffix for suffix in WANTED["errors"]
    ]
    level, method = WANTED["level"], WANTED["method"]
    assert dataset.attrs["processing_level"] == (level if method is None else f"{level}: {method}")
    assert values.attrs.get("comment") == (None if method is None else f"made by: {method}")
    # xarray decodes to nanoseconds; the file holds seconds as doubles, good to a tenth of a microsecond.
    equal(micros(dataset["time"].values), WANTED["starts"], "time")
    equal(micros(dataset["time_bounds"].values), np.array([WANTED["starts"], WANTED["ends"]]).T, "time_bounds")
    flags = dataset["quality_flag"]
    equal(flags.attrs["flag_masks"], [1 << bit for bit in range(len(FLAG_ORDER))], "flag_masks")
    assert flags.attrs["flag_meanings"].split() == FLAG_ORDER
    assert [names_of(int(mask)) for mask in flags.values] == WANTED["flags"]
    meanings = dataset["kind"].attrs["flag_meanings"].split()
    assert [meanings[value] for value in dataset["kind"].values] == WANTED["kinds"]
    brackets = dataset["bracket"].attrs["flag_meanings"].split()
    assert [brackets[value] for value in dataset["bracket"].values] == [b or "none" for b in WANTED["brackets"]]
    # Whole numbers stay whole: flags in floating point cannot be taken apart.
    for key in ("quality_flag", "batch", "sequence", "position", "scans"):
        assert dataset[key].dtype == np.int32, key
    equal(dataset["batch"].values, [-1 if batch is None else batch for batch in WANTED["batches"]], "batch")
    equal(dataset["sequence"].values, WANTED["sequences"], "sequence")
    equal(dataset["position"].values, [int(name.rsplit("/", 1)[1]) for name in WANTED["ids"]], "position")
    equal(dataset["integration_time"].values, np.array(WANTED["integrationTimesUs"]) / 1e6, "integration_time")
    equal(dataset["scans"].values, WANTED["scans"], "scans")
    equal(dataset["detector_temperature"].values, numbers(WANTED["temperatures"]), "detector_temperature")
    equal(dataset["detector_set_point"].values, numbers(WANTED["setPoints"]), "detector_set_point")
    equal(dataset["latitude"].values, numbers(WANTED["latitudes"]), "latitude")
    equal(dataset["altitude"].values, numbers(WANTED["altitudes"]), "altitude")
    equal(dataset["solar_zenith_angle"].values, 90 - numbers(WANTED["sunElevations"]), "solar_zenith_angle")
    for key in ("run", "serial", "channel", "level"):
        assert dataset.attrs[key] == WANTED[key], key
    for key, text in WANTED["dataset"].items():
        assert dataset.attrs[key] == text, key
    assert json.loads(dataset.attrs["provenance"]) == WANTED["provenance"]


def micros(times):
    nanoseconds = times.astype("datetime64[ns]").astype(np.int64)
    return (nanoseconds + 500) // 1000


def check_structure(path):
    import netCDF4

    with netCDF4.Dataset(path) as file:
        assert file.data_model == "NETCDF4"
        assert file.dimensions["time"].isunlimited() and not file.dimensions["wavelength"].isunlimited()
        assert set(file.dimensions) == {"time", "wavelength", "bnds"}, file.dimensions
        filters = file.variables[WANTED["variable"]].filters()
        assert filters["zlib"] and filters["complevel"] == 4, filters
        # Every variable that another one names is there.
        for variable in file.variables.values():
            for key in ("coordinates", "ancillary_variables", "bounds"):
                for name in getattr(variable, key, "").split():
                    assert name in file.variables, name


def cf():
    """The compliance checker of IOOS: no errors at any level but advice."""
    from compliance_checker.runner import CheckSuite, ComplianceChecker

    CheckSuite.load_all_available_checkers()
    report = os.path.join(FOLDER, "report.json")
    ComplianceChecker.run_checker(one(".nc"), ["cf:1.8"], 0, "strict", output_filename=report, output_format="json")
    with open(report, encoding="utf-8") as file:
        (result,) = json.load(file).values()
    os.remove(report)
    found = [
        f"{level}: {finding['name']}: {message}"
        for level in ("high_priorities", "medium_priorities", "low_priorities")
        for finding in result[level]
        for message in finding["msgs"]
    ]
    print("cf:1.8", result["scored_points"], "of", result["possible_points"], *found, sep="\n")
    assert not found, found


def csv():
    import pandas

    path = one(WANTED["level"] + ".csv")
    table = pandas.read_csv(path, comment="#", float_precision="round_trip")
    check_csv(table, WANTED["values"])
    # The parser of default is as good for whole counts.
    quick = pandas.read_csv(path, comment="#")
    np.testing.assert_allclose(quick.to_numpy()[:, -len(WANTED["wavelengths"]):].astype(float),
                               numbers(WANTED["values"]), rtol=1e-15)
    for suffix, wanted in WANTED["errors"].items():
        errors = pandas.read_csv(one(suffix + ".csv"), comment="#", float_precision="round_trip")
        check_csv(errors, wanted)
    with open(path, encoding="utf-8", newline="") as file:
        text = file.read()
    assert "\r" not in text and text.endswith("\n")
    facts = dict(line[2:].split(": ", 1) for line in text.split("\n") if line.startswith("# "))
    for key in ("run", "serial", "channel", "level", "units"):
        assert facts[key] == WANTED[key], key
    assert facts.get("method") == WANTED["method"]
    lines = [line for line in text.split("\n") if line != "" and not line.startswith("#")]
    assert len({len(row) for row in plain_csv.reader(lines)}) == 1
    check_provenance(facts["provenance"])
    print("pandas", table.shape)


def check_csv(table, wanted):
    columns = [name for name in table.columns if name[0].isdigit()]
    equal([float(name) for name in columns], WANTED["wavelengths"], "wavelengths")
    equal(table[columns].to_numpy(dtype=float), numbers(wanted), "values")
    assert list(table["id"]) == WANTED["ids"]
    assert list(table["kind"]) == WANTED["kinds"]
    assert [text.split("|") if isinstance(text, str) else [] for text in table["flags"]] == WANTED["flags"]
    assert [names_of(mask) for mask in table["flag_mask"]] == WANTED["flags"]
    starts = np.array([np.datetime64(text[:-1], "us").astype(int) for text in table["exposure_start"]])
    equal(starts, WANTED["starts"], "exposure_start")
    equal(table["batch"].to_numpy(dtype=float), numbers(WANTED["batches"]), "batch")
    equal(table["integration_time_us"], WANTED["integrationTimesUs"], "integration_time_us")
    equal(table["scans"], WANTED["scans"], "scans")
    equal(table["detector_temperature_c"].to_numpy(dtype=float), numbers(WANTED["temperatures"]), "temperature")
    equal(table["latitude"].to_numpy(dtype=float), numbers(WANTED["latitudes"]), "latitude")
    equal(table["sun_elevation_deg"].to_numpy(dtype=float), numbers(WANTED["sunElevations"]), "sun")


def check_provenance(name):
    with open(os.path.join(FOLDER, name), encoding="utf-8") as file:
        assert json.load(file) == WANTED["provenance"]


def envi():
    import spectral.io.envi

    library = spectral.io.envi.open(one(WANTED["level"] + ".hdr"))
    check_envi(library, WANTED["values"])
    for suffix, wanted in WANTED["errors"].items():
        check_envi(spectral.io.envi.open(one(suffix + ".hdr")), wanted)
    check_provenance(os.path.basename(one(".provenance.json")))
    print("spectral", library.spectra.shape)


def check_envi(library, wanted):
    assert isinstance(library, spectral_library())
    equal(library.spectra, numbers(wanted), "values")
    assert library.spectra.dtype == np.float64
    equal(library.bands.centers, WANTED["wavelengths"], "wavelengths")
    assert library.bands.band_unit == "Nanometers"
    assert library.names == WANTED["ids"]
    starts = [np.datetime64(text[:-1], "us").astype(int) for text in library.metadata["exposure start"]]
    equal(starts, WANTED["starts"], "exposure start")
    assert [names_of(int(mask)) for mask in library.metadata["quality flag masks"]] == WANTED["flags"]


def spectral_library():
    import spectral.io.envi

    return spectral.io.envi.SpectralLibrary


def jcamp():
    import jcamp as reader

    for index, name in enumerate(WANTED["ids"]):
        check_jcamp(reader.readfile(jcamp_file(name, ".jdx")), index, WANTED["values"])
        for suffix, wanted in WANTED["errors"].items():
            check_jcamp(reader.readfile(jcamp_file(name, suffix + ".jdx")), index, wanted)
    check_provenance(os.path.basename(one(".provenance.json")))
    print("jcamp", len(WANTED["ids"]))


def jcamp_file(name, ending):
    run, file, position = name.rsplit("/", 2)
    stem = file.removesuffix(".pico")
    return os.path.join(FOLDER, f"{run}_{stem}_{position}_{WANTED['level']}{ending}")


def check_jcamp(found, index, wanted):
    values = numbers(wanted[index])
    there = ~np.isnan(values)
    equal(found["x"], np.array(WANTED["wavelengths"])[there], "x")
    equal(found["y"], values[there], "y")
    assert found["npoints"] == there.sum()
    assert found["firstx"] == found["x"][0] and found["lastx"] == found["x"][-1]
    assert found["firsty"] == found["y"][0] and found["lasty"] == found["y"][-1]
    assert found["miny"] == found["y"].min() and found["maxy"] == found["y"].max()
    assert found["data type"] == "UV/VIS SPECTRUM" and found["xunits"] == "NANOMETERS"
    assert found["yunits"] == WANTED["yUnits"], found["yunits"]
    assert np.datetime64(found["$exposure start"][:-1], "us").astype(int) == WANTED["starts"][index]
    assert str(found["$quality flags"]).split() == WANTED["flags"][index]
    assert found["$integration time s"] == WANTED["integrationTimesUs"][index] / 1e6
    assert found["$scans"] == WANTED["scans"][index]


def oceanview():
    """As the scripts of its users do: what follows the marker is two columns."""
    import pandas

    for index, path in enumerate(sorted(glob.glob(os.path.join(glob.escape(FOLDER), "*.txt")))):
        with open(path, encoding="utf-8", newline="") as file:
            text = file.read()
        header, _ = text.split(">>>>>Begin Spectral Data<<<<<\n")
        table = pandas.read_csv(path, sep="\t", header=None, skiprows=header.count("\n") + 1)
        equal(table[0], np.round(WANTED["wavelengths"], 3), "wavelengths")
        wanted = numbers(WANTED["values"][index])
        np.testing.assert_allclose(table[1], wanted, atol=0.00500001)
        whole = wanted == np.floor(wanted)
        equal(table[1][whole], wanted[whole], "whole counts")
        assert f"Number of Pixels in Spectrum: {len(wanted)}\n" in header
    print("oceanview", index + 1)


CHECKS = {"netcdf": netcdf, "cf": cf, "csv": csv, "envi": envi, "jcamp": jcamp, "oceanview": oceanview}
with open(FACTS, encoding="utf-8") as file:
    PRODUCTS = json.load(file)
for WANTED in PRODUCTS:
    FOLDER = WANTED["folder"]
    FLAG_ORDER = WANTED["flagMeanings"]
    CHECKS[READER]()
