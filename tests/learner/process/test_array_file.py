import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from learner.array_file import read_arrays, write_arrays
from shared.errors import CheckpointError

DTYPES = st.sampled_from(["float32", "float64", "int32", "uint32", "uint8", "bool"])
ARRAYS = DTYPES.flatmap(lambda dtype: hnp.arrays(dtype, hnp.array_shapes(min_dims=0, min_side=0, max_dims=3)))


@given(arrays=st.dictionaries(st.text(max_size=8), ARRAYS, max_size=4))
def test_arrays_come_back_bit_for_bit(tmp_path_factory, arrays):
    path = tmp_path_factory.mktemp("arrays") / "a"
    write_arrays(path, arrays)
    back = read_arrays(path)
    assert list(back) == list(arrays)
    for name, array in arrays.items():
        assert (back[name].dtype, back[name].shape) == (array.dtype, array.shape)
        assert back[name].tobytes() == array.tobytes()


def test_a_transposed_array_is_written_in_its_own_order(tmp_path):
    array = np.arange(6, dtype=np.float32).reshape(2, 3).T
    write_arrays(tmp_path / "a", {"x": array})
    np.testing.assert_array_equal(read_arrays(tmp_path / "a")["x"], array)


def test_every_cut_is_noticed(tmp_path):
    path = tmp_path / "a"
    write_arrays(path, {"x": np.arange(40, dtype=np.float32)})
    data = path.read_bytes()
    for length in (0, 4, 12, 20, len(data) - 100):
        path.write_bytes(data[:length])
        with pytest.raises(CheckpointError):
            read_arrays(path)


def test_nothing_in_a_file_is_executed(tmp_path):
    path = tmp_path / "a"
    write_arrays(path, {"x": np.arange(4, dtype=np.float32)})
    path.write_bytes(path.read_bytes().replace(b"\xa7float32", b"\xa7object_"))
    with pytest.raises(CheckpointError, match="type"):
        read_arrays(path)
    with pytest.raises(CheckpointError, match="cannot be read"):
        read_arrays(tmp_path / "absent")


def test_a_file_is_never_overwritten(tmp_path):
    write_arrays(tmp_path / "a", {})
    with pytest.raises(FileExistsError):
        write_arrays(tmp_path / "a", {})
