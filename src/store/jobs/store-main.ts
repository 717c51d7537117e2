import { serveStore } from "../thread-side.ts";
import { openSqliteJobs } from "./sqlite/open.ts";

serveStore(openSqliteJobs);
