import { deep } from "./lib/deep.ts";
var Kind = function(Kind) {
	Kind[Kind["A"] = 0] = "A";
	Kind[Kind["B"] = 1] = "B";
	Kind[Kind["C"] = 2] = "C";
	return Kind;
}(Kind || {});
export const f = () => {
	return deep({
		of: "x",
		more: Kind.C
	});
};
export const late = async () => {
	await null;
	throw new RangeError("late");
};
