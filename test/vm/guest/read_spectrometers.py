"""What python-seabreeze (its pyseabreeze back end, by libusb) makes of every spectrometer on USB; see readings.ts.

    read_spectrometers.py read 20000 OUT     identity and a spectrum of 20 ms of each
    read_spectrometers.py time 10000x20 OUT  how long each of 20 spectra of 10 ms takes

A frame may be from before the integration time was set, so a careful user discards some.
"""

import json
import math
import sys
import time

import seabreeze

seabreeze.use("pyseabreeze")

from seabreeze.spectrometers import Spectrometer, list_devices  # noqa: E402

# More than any firmware keeps of an older setting.
DISCARDED_FRAMES = 3


def attempt(ask):
    """The answer as a list of numbers, or the error that a user gets instead."""
    try:
        return {"values": [float(value) if math.isfinite(value) else None for value in ask()]}
    except Exception as error:  # whatever it is: it is the result
        return {"error": f"{type(error).__name__}: {error}"}


def dark_pixels(indices):
    """Some models have their indices in one tuple more than the others."""
    return [int(pixel) for part in indices for pixel in (part if isinstance(part, tuple) else [part])]


def read(spectrometer, integration_time_us):
    spectrometer.integration_time_micros(integration_time_us)
    for _ in range(DISCARDED_FRAMES):
        spectrometer.intensities()
    nonlinearity = spectrometer.f.nonlinearity_coefficients
    return {
        "serial": spectrometer.serial_number,
        "model": spectrometer.model,
        "integrationTimeUs": list(spectrometer.integration_time_micros_limits),
        "maxCounts": spectrometer.max_intensity,
        "darkPixels": dark_pixels(spectrometer.f.spectrometer.get_electric_dark_pixel_indices()),
        "wavelengthsNm": attempt(spectrometer.wavelengths),
        "nonlinearity": None if nonlinearity is None else attempt(nonlinearity.get_nonlinearity_coefficients),
        "counts": attempt(spectrometer.intensities),
        "darkCorrected": attempt(lambda: spectrometer.intensities(correct_dark_counts=True)),
        "linear": attempt(lambda: spectrometer.intensities(correct_nonlinearity=True)),
        "darkCorrectedLinear": attempt(lambda: spectrometer.intensities(True, True)),
    }


def took_us(work):
    start = time.perf_counter_ns()
    work()
    return (time.perf_counter_ns() - start) / 1000


def timed(spectrometer, integration_time_us, spectra):
    """As the documentation shows it, and with the one discard that a fresh spectrum needs."""

    def documented():
        spectrometer.integration_time_micros(integration_time_us)
        spectrometer.intensities()

    def careful():
        documented()
        spectrometer.intensities()

    documented()  # not counted
    return {
        "serial": spectrometer.serial_number,
        "tookUs": {
            "set, read": [took_us(documented) for _ in range(spectra)],
            "set, discard, read": [took_us(careful) for _ in range(spectra)],
        },
    }


def measure(device):
    spectrometer = Spectrometer(device)
    try:
        if mode == "read":
            return read(spectrometer, int(what))
        return timed(spectrometer, *(int(number) for number in what.split("x")))
    finally:
        spectrometer.close()


def result_of(device):
    serial = device.serial_number
    try:
        return measure(device)
    except Exception as error:
        return {"serial": serial, "failed": f"{type(error).__name__}: {error}"}


mode, what, out = sys.argv[1:]
results = [result_of(device) for device in list_devices()]
with open(out, "w", encoding="utf-8") as file:
    json.dump(results, file)
