import pytest

from signalpiece.core.check import SignalPieceError
from signalpiece.signals.channels import kind_of, sensors_of, si_units, unique
from signalpiece.signals.montage import place_of, standard_1005
from signalpiece.signals.units import parse_units, to_si


@pytest.mark.parametrize(
    "label, unit, factor",
    [
        ("uV", "V", 1e-6), ("\u00b5V", "V", 1e-6), ("\u03bcV", "V", 1e-6), ("\u00c2\u00b5V", "V", 1e-6),
        ("\u00ce\u00bcV", "V", 1e-6), ("UV", "V", 1e-6), ("uVolt", "V", 1e-6), ("microvolts", "V", 1e-6),
        ("Micro-Volt", "V", 1e-6), (" [uV] ", "V", 1e-6), ("nV", "V", 1e-9), ("mV", "V", 1e-3), ("V", "V", 1.0),
        ("fT", "T", 1e-15), ("fT/cm", "T/m", 1e-13), ("T/m", "T/m", 1.0), ("uS", "S", 1e-6), ("S", "S", 1.0),
        ("s", "s", 1.0), ("ms", "s", 1e-3), ("kOhm", "Ohm", 1e3), ("%", "%", 1.0), ("", "", 1.0), ("Boolean", "", 1.0),
    ],
)  # fmt: skip
def test_known_spellings(label, unit, factor):
    found = to_si(label)
    assert found is not None and found[0] == unit and found[1] == pytest.approx(factor, rel=1e-9, abs=0)


@pytest.mark.parametrize("label", ["MV", "Mv", "BS", "ARU", "C", "bpm", "raw", "\ufffdV", "ML", "stade"])
def test_unknown_spellings_are_not_guessed(label):
    assert to_si(label) is None


def test_parse_units_refuses_unknown():
    assert parse_units({"C3": "uV", "*": "nV"}) == {"C3": ("V", 1e-6), "*": ("V", 1e-9)}
    with pytest.raises(SignalPieceError, match="unit 'furlong' of C3 is not known"):
        parse_units({"C3": "furlong"})


def test_what_the_user_says_comes_first_for_named_channels_and_last_for_all():
    given = {"C3": ("V", 1e-3), "*": ("V", 1e-9)}
    found = si_units(["C3", "C4", "Cz", "Pz"], ["uV", "uV", "BS", ""], given)
    assert found.factors == (1e-3, 1e-6, 1e-9, 1e-9) and found.units == ("V",) * 4 and found.warnings == ()


def test_unknown_units_are_kept_and_said():
    found = si_units(["a", "b", "c"], ["uV", "BS", ""], {})
    assert found.units == ("V", "BS", "") and found.factors == (1e-6, 1.0, 1.0)
    assert (
        "'BS' of b" in found.warnings[0]
        and "no unit for c" in found.warnings[0]
        and "--units b=uV" in found.warnings[0]
    )


def test_names_become_unique_and_keep_their_beginning():
    assert unique(["EEG", "EEG", "EEG-2", ""]) == ("EEG", "EEG-3", "EEG-2", "ch3")
    assert unique(["a", "a", "a"]) == ("a", "a-2", "a-3")


@pytest.mark.parametrize(
    "name, unit, kind",
    [
        ("Fp1", "V", "eeg"), ("EEG Fp1-A1", "V", "eeg"), ("Fc5.", "V", "eeg"), ("C3-A1", "", "eeg"), ("X17", "V", "eeg"),
        ("EOG left", "V", "eog"), ("EOG1-A1", "V", "eog"), ("HEOG", "V", "eog"), ("LOC", "V", "eog"),
        ("ECG", "V", "ecg"), ("EKG2", "V", "ecg"), ("EMG1", "V", "emg"), ("Chin1", "V", "emg"),
        ("Status", "", "stim"), ("STI 014", "V", "stim"), ("Resp", "V", "resp"), ("SpO2", "%", "misc"),
        ("Temp", "V", "misc"), ("Right AUX", "V", "misc"), ("Delta_TP9", "", "misc"), ("LFP_RIGHT_0", "V", "seeg"),
        ("ECOG_RIGHT_1", "V", "ecog"), ("1 Impedance", "V", "misc"),
    ],
)  # fmt: skip
def test_kinds(name, unit, kind):
    assert kind_of(name, unit) == kind


def test_places():
    assert len(standard_1005()) == 343
    cz, left, right, nose, back = (place_of(n) for n in ("Cz", "T7", "T8", "Fpz", "Oz"))
    assert cz and left and right and nose and back
    assert cz[2] > 0.1 and left[0] < -0.07 < 0.07 < right[0] and nose[1] > 0.09 and back[1] < -0.05
    assert place_of("T3") == place_of("T7") and place_of("FCZ") == place_of("Fcz.") == place_of("EEG Fcz-Ref")
    assert place_of("F3-C3") is None and place_of("Status") is None


def test_ear_lobes_are_not_places_of_a_numbered_cap():
    assert sensors_of(["A1"], ["eeg"])[0].position is not None
    assert all(s.position is None for s in sensors_of(["A1", "A2", "A3"], ["eeg"] * 3))
    assert sensors_of(["C3"], ["emg"])[0].position is None
