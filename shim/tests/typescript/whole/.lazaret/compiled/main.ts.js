import { Color } from "./lib/color.mts";
import data from "./lib/data.json" with { type: "json" };
import { twice } from "./lib/twice.js";
class Point {
	x;
	constructor(x) {
		this.x = x;
	}
	get = () => this.x;
}
const late = async () => (await import("./lib/late.ts")).late;
export const f = async (shade) => {
	const nowhere = undefined;
	return [
		Color.Green,
		Color.best,
		Color[shade],
		twice(data.n),
		new Point(3).get(),
		await late(),
		import.meta.url,
		nowhere ?? 0
	];
};
