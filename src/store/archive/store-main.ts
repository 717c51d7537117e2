import { serveStore } from "../thread-side.ts";
import { openSqliteArchive } from "./sqlite/open.ts";

serveStore(openSqliteArchive);
