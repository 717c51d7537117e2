import { render } from "preact";
import { App } from "./app.tsx";
import { restore } from "./data/queue.ts";
import { watchServer } from "./wire/server.ts";

void restore();
watchServer();
render(<App />, document.body);
