import type { RefObject } from "preact";
import { useLayoutEffect, useState } from "preact/hooks";

/** So far from the window an element is near: what a quick scroll or a few keys reach. */
const MARGIN = "1500px 0px";

const listeners = new WeakMap<Element, (isNear: boolean) => void>();
let observer: IntersectionObserver | undefined;

/**
 * Returns whether an element is near the window. A transcript of three hours has some 25 000 words: only those near it are buttons of
 * their own. What has the focus stays near.
 */
export function useNear(element: RefObject<Element | null>, isNearAtFirst: boolean): boolean {
  const [isNear, setNear] = useState(isNearAtFirst);
  useLayoutEffect(() => {
    const found = element.current;
    if (found === null) return;
    observer ??= new IntersectionObserver(
      (entries) => {
        for (const { target, isIntersecting } of entries) listeners.get(target)?.(isIntersecting);
      },
      { rootMargin: MARGIN },
    );
    const own = observer;
    listeners.set(found, (next) => setNear(next || found.contains(document.activeElement)));
    own.observe(found);
    return () => own.unobserve(found);
  }, []);
  return isNear;
}
