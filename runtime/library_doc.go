package runtime

import "time"

// Library returns the documentation of what scripts have without their host:
// functions under "", members of a module under its name, methods under the
// type of their receiver.
func Library() map[string]Table {
	clock := clockTable(time.Time{})
	return map[string]Table{
		"":     append(Table{clock[0], hereBuiltin, usageBuiltin}, universe...),
		"time": append(clock, timeFunctions...),
		"json": append(jsonTable(), Builtin{Name: "indent", Signature: `indent(text, *, prefix="", indent="\t")`, Doc: "a JSON text in several lines"}),
		"math": mathFunctions, "time.time": timeMethods,
	}
}

// A Value documents a name that stands for a value and not for a function.
type Value struct {
	Name, Type, Doc string
}

// Values returns the documentation of the values that scripts have without
// their host: those of a module under its name, attributes under their type.
func Values() map[string][]Value {
	return map[string][]Value{
		"": {
			{"KiB", "int", "1,024 bytes"}, {"MiB", "int", "1,024 KiB"}, {"GiB", "int", "1,024 MiB"}, {"TiB", "int", "1,024 GiB"},
		},
		"time": {
			{"nanosecond", "duration", "a duration; 5 * time.hour is another one, and t + time.hour a time"}, {"microsecond", "duration", "1,000 nanoseconds"},
			{"millisecond", "duration", "1,000 microseconds"}, {"second", "duration", "1,000 milliseconds"},
			{"minute", "duration", "60 seconds"}, {"hour", "duration", "60 minutes"},
		},
		"math": {{"e", "float", "the base of natural logarithms"}, {"pi", "float", "the circumference of a circle by its diameter"}},
		"time.time": {
			{"year", "int", "the year of a time"}, {"month", "int", "1 to 12"}, {"day", "int", "the day of the month"},
			{"hour", "int", "0 to 23"}, {"minute", "int", "0 to 59"}, {"second", "int", "0 to 59"},
			{"nanosecond", "int", "the part of a second"}, {"unix", "int", "seconds since 1970 began in UTC"},
			{"unix_nano", "int", "nanoseconds since 1970 began in UTC"},
		},
		"time.duration": {
			{"hours", "float", "the duration in hours; d // time.hour gives whole ones"}, {"minutes", "float", "the duration in minutes"},
			{"seconds", "float", "the duration in seconds"}, {"milliseconds", "int", "the duration in milliseconds"},
			{"microseconds", "int", "the duration in microseconds"}, {"nanoseconds", "int", "the duration in nanoseconds"},
		},
	}
}

// The following document what Starlark's own modules have.

var timeFunctions = Table{
	{Name: "is_valid_timezone", Signature: "is_valid_timezone(loc)", Doc: "whether there is a time zone of that name"},
	{Name: "parse_duration", Signature: "parse_duration(d)", Doc: `the duration that a text such as "1h30m" stands for`},
	{Name: "parse_time", Signature: `parse_time(x, format="2006-01-02T15:04:05Z07:00", location="UTC")`, Doc: "the time that a text stands for; the format is how 2006-01-02 15:04:05 would be written"},
	{Name: "time", Signature: `time(year=0, month=0, day=0, hour=0, minute=0, second=0, nanosecond=0, location="UTC")`, Doc: "a time of the calendar; a day or month too many goes on to the next"},
}

var timeMethods = Table{
	{Name: "format", Signature: "format(x)", Doc: "the time as text, by how 2006-01-02 15:04:05 would be written"},
	{Name: "in_location", Signature: "in_location(x)", Doc: `the same time in the time zone of that name, such as "UTC"`},
}

var mathFunctions = Table{
	{Name: "ceil", Signature: "ceil(x)", Doc: "the least whole number that is not below x"},
	{Name: "floor", Signature: "floor(x)", Doc: "the greatest whole number that is not above x"},
	{Name: "round", Signature: "round(x)", Doc: "the nearest whole number, as a float"},
	{Name: "fabs", Signature: "fabs(x)", Doc: "x without its sign, as a float"},
	{Name: "mod", Signature: "mod(x, y)", Doc: "the remainder of x by y, with the sign of x"},
	{Name: "remainder", Signature: "remainder(x, y)", Doc: "the remainder of x by y, to the nearest multiple"},
	{Name: "copysign", Signature: "copysign(x, y)", Doc: "x with the sign of y"},
	{Name: "pow", Signature: "pow(x, y)", Doc: "x to the power of y"},
	{Name: "exp", Signature: "exp(x)", Doc: "e to the power of x"},
	{Name: "sqrt", Signature: "sqrt(x)", Doc: "the square root of x"},
	{Name: "log", Signature: "log(x, base=math.e)", Doc: "the logarithm of x"},
	{Name: "hypot", Signature: "hypot(x, y)", Doc: "the length of a vector"},
	{Name: "degrees", Signature: "degrees(x)", Doc: "an angle in degrees, from radians"},
	{Name: "radians", Signature: "radians(x)", Doc: "an angle in radians, from degrees"},
	{Name: "sin", Signature: "sin(x)", Doc: "the sine of x"},
	{Name: "cos", Signature: "cos(x)", Doc: "the cosine of x"},
	{Name: "tan", Signature: "tan(x)", Doc: "the tangent of x"},
	{Name: "asin", Signature: "asin(x)", Doc: "the arc sine of x"},
	{Name: "acos", Signature: "acos(x)", Doc: "the arc cosine of x"},
	{Name: "atan", Signature: "atan(x)", Doc: "the arc tangent of x"},
	{Name: "atan2", Signature: "atan2(y, x)", Doc: "the arc tangent of y / x, in the right quadrant"},
	{Name: "sinh", Signature: "sinh(x)", Doc: "the hyperbolic sine of x"},
	{Name: "cosh", Signature: "cosh(x)", Doc: "the hyperbolic cosine of x"},
	{Name: "tanh", Signature: "tanh(x)", Doc: "the hyperbolic tangent of x"},
	{Name: "asinh", Signature: "asinh(x)", Doc: "the inverse hyperbolic sine of x"},
	{Name: "acosh", Signature: "acosh(x)", Doc: "the inverse hyperbolic cosine of x"},
	{Name: "atanh", Signature: "atanh(x)", Doc: "the inverse hyperbolic tangent of x"},
	{Name: "gamma", Signature: "gamma(x)", Doc: "the gamma function of x"},
}

// universe documents what Starlark itself has, as far as one needs to be told.
var universe = Table{
	{Name: "abs", Signature: "abs(x)", Doc: "x without its sign"},
	{Name: "all", Signature: "all(x)", Doc: "whether all elements of x are true"},
	{Name: "any", Signature: "any(x)", Doc: "whether one element of x is true"},
	{Name: "chr", Signature: "chr(i)", Doc: "the character of that code point"},
	{Name: "dict", Signature: "dict(pairs=[], **kwargs)", Doc: "a new dictionary"},
	{Name: "dir", Signature: "dir(x)", Doc: "the names of the attributes of x"},
	{Name: "enumerate", Signature: "enumerate(x, start=0)", Doc: "the elements of x, each with its number"},
	{Name: "fail", Signature: "fail(*args)", Doc: "end the run with a message"},
	{Name: "getattr", Signature: "getattr(x, name, default=None)", Doc: "the attribute of x with that name"},
	{Name: "hasattr", Signature: "hasattr(x, name)", Doc: "whether x has an attribute with that name"},
	{Name: "int", Signature: "int(x, base=10)", Doc: "x as a whole number"},
	{Name: "float", Signature: "float(x)", Doc: "x as a number"},
	{Name: "len", Signature: "len(x)", Doc: "how many elements x has"},
	{Name: "list", Signature: "list(x=[])", Doc: "a new list of the elements of x"},
	{Name: "max", Signature: "max(*args, key=None)", Doc: "the greatest of the arguments, or of the elements of the only one"},
	{Name: "min", Signature: "min(*args, key=None)", Doc: "the least of the arguments, or of the elements of the only one"},
	{Name: "ord", Signature: "ord(s)", Doc: "the code point of a character"},
	{Name: "print", Signature: `print(*args, sep=" ")`, Doc: "write a line"},
	{Name: "range", Signature: "range(start=0, stop, step=1)", Doc: "the numbers from start to before stop"},
	{Name: "repr", Signature: "repr(x)", Doc: "x as it would be written in a script"},
	{Name: "reversed", Signature: "reversed(x)", Doc: "the elements of x from the last to the first"},
	{Name: "set", Signature: "set(x=[])", Doc: "a new set of the elements of x"},
	{Name: "sorted", Signature: "sorted(x, reverse=False, key=None)", Doc: "a new list of the elements of x, in order"},
	{Name: "str", Signature: "str(x)", Doc: "x as text"},
	{Name: "struct", Signature: "struct(**kwargs)", Doc: "a value with these attributes"},
	{Name: "tuple", Signature: "tuple(x=())", Doc: "a tuple of the elements of x"},
	{Name: "type", Signature: "type(x)", Doc: "the name of the type of x"},
	{Name: "zip", Signature: "zip(*args)", Doc: "tuples of the elements of the arguments, side by side"},
}
