// What an action changes is swapped, and nothing else: two versions of the lab are
// compared, and only what differs is put in place. A cell is replaced as a whole,
// so that it shows that it is new.
(() => {
  'use strict'
  const whole = 'td, form, summary, a, button'
  const patch = (old, now) => {
    if (old.isEqualNode(now)) return
    const alike = old.nodeType === now.nodeType && old.nodeName === now.nodeName && old.id === now.id
    if (!alike || old.nodeType !== Node.ELEMENT_NODE || old.matches(whole) || old.childNodes.length === 0) {
      return old.replaceWith(now)
    }
    for (const { name } of [...old.attributes]) if (!now.hasAttribute(name)) old.removeAttribute(name)
    for (const { name, value } of now.attributes) if (old.getAttribute(name) !== value) old.setAttribute(name, value)
    const before = [...old.childNodes], after = [...now.childNodes]
    // What stands at both ends stays, so that a line added to a list is one change.
    while (before.length && after.length && before.at(-1).isEqualNode(after.at(-1))) { before.pop(); after.pop() }
    const rest = before.length ? before.at(-1).nextSibling : old.childNodes[0] ?? null
    after.forEach((node, i) => before[i] ? patch(before[i], node) : old.insertBefore(node, rest))
    for (const node of before.slice(after.length)) node.remove()
  }

  htmx.defineExtension('patch', {
    isInlineSwap: style => style === 'patch',
    handleSwap: (style, target, fragment) => {
      const now = style === 'patch' && fragment.querySelector('#' + CSS.escape(target.id))
      if (!now) return false
      const focused = document.activeElement?.id
      patch(target, now)
      const there = document.getElementById(target.id)
      htmx.process(there) // at once, so that a quick click does not submit a plain form
      const again = focused && document.getElementById(focused)
      if (again && there.contains(again) && again !== document.activeElement) again.focus({ preventScroll: true })
      return [there]
    },
  })
  document.addEventListener('htmx:oobBeforeSwap', event => {
    const now = event.detail.fragment.firstElementChild
    if (now && now.isEqualNode(event.detail.target)) event.detail.shouldSwap = false
  })
})();
