export function deep(given) {
	const never = given;
	throw new TypeError(`no ${never}`);
}
