// SPDX-License-Identifier: Apache-2.0
// What a page shows, measured where it is drawn.

/**
 * The controls that are drawn but cannot be reached: beside the window, below it where nothing scrolls, or cut off by a
 * box that hides what runs over. Their labels, and how many controls there are.
 */
export function unreachableControls(page) {
  return page.evaluate(() => {
    const scrolls = (value) => value === 'auto' || value === 'scroll';
    const isDrawn = (element) => {
      const { width, height } = element.getBoundingClientRect();
      return width > 1 && height > 1 && element.checkVisibility({ checkOpacity: true, checkVisibilityCSS: true });
    };
    // What is behind a modal dialog cannot be used and need not be reached.
    const root = document.querySelector('dialog[open]') ?? document;
    const controls = [...root.querySelectorAll('button, a[href], input, select, textarea, summary, [role=tab]')].filter(isDrawn);
    const reachable = (element) => {
      const box = element.getBoundingClientRect();
      if (box.left < -1 || box.right > innerWidth + 1) return false;
      let down = true;
      for (let parent = element.parentElement; parent && parent !== document.body; parent = parent.parentElement) {
        const style = getComputedStyle(parent);
        const edge = parent.getBoundingClientRect();
        const isCut = box.left < edge.left - 1 || box.right > edge.right + 1;
        if (style.overflowX !== 'visible' && !scrolls(style.overflowX) && isCut) return false;
        if (down && style.overflowY !== 'visible') {
          if (scrolls(style.overflowY)) down = false;
          else if (box.top < edge.top - 1 || box.bottom > edge.bottom + 1) return false;
        }
      }
      return !down || (box.top >= -1 && box.bottom <= innerHeight + 1);
    };
    const name = (element) => element.getAttribute('aria-label') ?? (element.textContent.trim() || element.id);
    return { seen: controls.length, missing: controls.filter((element) => !reachable(element)).map(name) };
  });
}
