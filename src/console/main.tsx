import { render } from "preact";

render(<p>gigastt</p>, document.body);
