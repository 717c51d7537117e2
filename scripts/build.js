import { build, ensureInstalled } from "./bootstrap.js";

ensureInstalled();
build();
