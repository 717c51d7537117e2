const STEP_S = 5;

/** The keys of the transcript. They count only while a word has the focus, so that they never take a letter from anything else. */
export function handleWordKey(
  event: KeyboardEvent,
  list: HTMLElement | null,
  actions: {
    play(word: Element): void;
    toggle(): void;
    step(seconds: number): void;
    edit(paragraph: number): void;
  },
): void {
  const word = (event.target as Element).closest(".word"); // key events come from elements
  if (word === null || list === null || event.ctrlKey || event.metaKey || event.altKey) return;
  const act = actionOf(event, word, list, actions);
  if (act === undefined) return;
  event.preventDefault();
  act();
}

/** Makes a word the one that Tab reaches, and goes there. */
export function focusWord(word: Element | null | undefined): void {
  if (!(word instanceof HTMLElement)) return;
  for (const other of document.querySelectorAll<HTMLElement>('.word[tabindex="0"]')) other.tabIndex = -1;
  word.tabIndex = 0;
  word.focus();
}

// ---

/** Frames that a paragraph gets to show its words. */
const PATIENCE = 30;

/** Goes to the first or the last word of a paragraph. One that is far away has no words before it comes near. */
function focusIn(paragraph: Element | null | undefined, place: 0 | -1, left = PATIENCE): void {
  if (!paragraph?.classList.contains("paragraph")) return;
  const word = [...paragraph.querySelectorAll(".word")].at(place);
  if (word !== undefined) return focusWord(word);
  paragraph.scrollIntoView({ block: "nearest" });
  if (left > 0) requestAnimationFrame(() => focusIn(paragraph, place, left - 1));
}

function actionOf(
  event: KeyboardEvent,
  word: Element,
  list: HTMLElement,
  actions: Parameters<typeof handleWordKey>[2],
): (() => void) | undefined {
  const all = (): Element[] => [...list.querySelectorAll(".paragraph")];
  const paragraph = word.closest(".paragraph");
  const next = paragraph?.nextElementSibling;
  const previous = paragraph?.previousElementSibling;
  switch (event.key) {
    case "ArrowRight":
      if (event.shiftKey) return () => actions.step(STEP_S);
      return () => (word.nextElementSibling === null ? focusIn(next, 0) : focusWord(word.nextElementSibling));
    case "ArrowLeft":
      if (event.shiftKey) return () => actions.step(-STEP_S);
      return () =>
        word.previousElementSibling === null ? focusIn(previous, -1) : focusWord(word.previousElementSibling);
    case "ArrowDown":
      return () => focusIn(next, 0);
    case "ArrowUp":
      return () => focusIn(previous, 0);
    case "Home":
      return () => focusIn(all().at(0), 0);
    case "End":
      return () => focusIn(all().at(-1), -1);
    case "Enter":
      return () => actions.play(word);
    case " ":
      return actions.toggle;
    case "F2":
      return () => actions.edit(Number((paragraph as HTMLElement | null)?.dataset["id"])); // a paragraph is an HTML element
    default:
      return undefined;
  }
}
