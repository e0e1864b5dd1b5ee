#!/usr/bin/env node
import { createRequire } from "node:module";
// Starts the command line through tsx: the product is TypeScript all the way, and needs no build.
import { register } from "tsx/cjs/api";

const require = createRequire(import.meta.url);
require("../preload.cjs");
register();
require("./main.ts");
