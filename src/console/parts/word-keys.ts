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

function actionOf(
  event: KeyboardEvent,
  word: Element,
  list: HTMLElement,
  actions: Parameters<typeof handleWordKey>[2],
): (() => void) | undefined {
  const words = (): Element[] => [...list.querySelectorAll(".word")];
  const paragraph = word.closest(".paragraph");
  const first = (of: Element | null | undefined): Element | null | undefined => of?.querySelector(".word");
  switch (event.key) {
    case "ArrowRight":
      if (event.shiftKey) return () => actions.step(STEP_S);
      return () => focusWord(word.nextElementSibling ?? first(paragraph?.nextElementSibling));
    case "ArrowLeft":
      if (event.shiftKey) return () => actions.step(-STEP_S);
      return () =>
        focusWord(
          word.previousElementSibling ??
            [...(paragraph?.previousElementSibling?.querySelectorAll(".word") ?? [])].at(-1),
        );
    case "ArrowDown":
      return () => focusWord(first(paragraph?.nextElementSibling));
    case "ArrowUp":
      return () => focusWord(first(paragraph?.previousElementSibling));
    case "Home":
      return () => focusWord(words()[0]);
    case "End":
      return () => focusWord(words().at(-1));
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
