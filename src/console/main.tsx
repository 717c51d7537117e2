import { render } from "preact";
import { App } from "./app.tsx";
import { restore } from "./data/queue.ts";
import { keepPage } from "./offline/register.ts";
import { watchServer } from "./wire/server.ts";
import { askSession } from "./wire/session.ts";

void restore();
keepPage();
void askSession();
watchServer();
render(<App />, document.body);
