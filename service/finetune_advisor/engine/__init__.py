"""The decision core: takes values and returns values; standard library only, without I/O, clock or web."""
