import "./lib/bad.ts";
