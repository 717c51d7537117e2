import { build } from "./bootstrap.js";

build();
