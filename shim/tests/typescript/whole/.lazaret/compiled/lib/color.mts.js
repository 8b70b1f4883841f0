export let Color = function(Color) {
	Color[Color["Red"] = 0] = "Red";
	Color[Color["Green"] = 4] = "Green";
	return Color;
}({});
(function(_Color) {
	const best = _Color.best = 4;
})(Color || (Color = {}));
