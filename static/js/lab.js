// The compare page swaps only what changed; without this file it loads whole pages.
(() => {
  'use strict'

  // A receipt or a menu closes at Escape and at a click beside it.
  const floating = 'details.receipt-of[open], details.menu[open]'
  document.addEventListener('keydown', event => {
    if (event.key !== 'Escape') return
    for (const d of document.querySelectorAll(floating)) {
      d.open = false
      d.querySelector('summary').focus()
    }
  })
  document.addEventListener('click', event => {
    for (const d of document.querySelectorAll(floating)) if (!d.contains(event.target)) d.open = false
  })
  document.addEventListener('toggle', event => {
    if (event.target.matches(floating)) event.target.lastElementChild.scrollIntoView({ block: 'nearest' })
  }, true)

  // An action that ends on another page, such as sign-in, goes there as a whole;
  // one that fails shows the server's own words.
  const fill = (text, into) => {
    const page = new DOMParser().parseFromString(text, 'text/html').querySelector('main')
    if (page) into.replaceChildren(...page.childNodes)
    into.focus()
    return page
  }
  document.addEventListener('htmx:beforeSwap', event => {
    const { xhr, isError } = event.detail
    if (isError || event.detail.target.id !== 'lab' || /id="?lab\b/.test(xhr.responseText)) return
    event.detail.shouldSwap = false
    location.assign(xhr.responseURL || location.href)
  })
  document.addEventListener('htmx:responseError', event => {
    if (!fill(event.detail.xhr.responseText, document.querySelector('main'))) location.reload()
  })
  document.addEventListener('htmx:sendError', () => say('The server did not answer. Try again.', 'notice warn'))

  // After a swap: say what changed, and leave the keyboard where it was, or at
  // the headline when the button is gone.
  const say = (text, looks = 'vh') => {
    const out = document.getElementById('announce')
    if (!out) return
    out.textContent = text
    out.className = looks
  }
  document.addEventListener('htmx:afterSettle', () => {
    const lab = document.getElementById('lab')
    if (!lab) return
    say(lab.dataset.announce || '')
    if (document.activeElement === document.body) document.getElementById('headline').focus({ preventScroll: true })
  })
})();
