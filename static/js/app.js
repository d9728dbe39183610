// Everything here is a convenience: each page works without it.
(() => {
  'use strict'
  const root = document.documentElement

  // The theme: light, dark, or whatever the system says. The server reads the
  // cookie and draws the next page in it, so nothing flashes.
  const themes = ['light', 'dark', 'auto']
  const toggle = document.querySelector('[data-theme-toggle]')
  const theme = () => root.dataset.theme || 'auto'
  const name = () => {
    const label = `Theme: ${theme()}. Change to ${themes[(themes.indexOf(theme()) + 1) % 3]}`
    toggle.setAttribute('aria-label', label)
    toggle.title = label
  }
  if (toggle) {
    name()
    toggle.hidden = false
    toggle.addEventListener('click', () => {
      const next = themes[(themes.indexOf(theme()) + 1) % 3]
      if (next === 'auto') delete root.dataset.theme
      else root.dataset.theme = next
      const keep = next === 'auto' ? 'Max-Age=0' : 'Max-Age=31536000'
      document.cookie = `theme=${next}; Path=/; ${keep}; SameSite=Lax; Secure`
      name()
    })
  }

  // Copy buttons appear where copying works.
  const reveal = part => {
    if (navigator.clipboard) for (const b of part.querySelectorAll('[data-copy]')) b.hidden = false
  }
  reveal(document)
  document.addEventListener('click', async event => {
    const button = event.target.closest('[data-copy]')
    if (!button) return
    const source = document.getElementById(button.dataset.copy)
    const label = button.textContent
    const done = await navigator.clipboard.writeText(source.innerText.trim()).then(() => 'Copied', () => 'Not copied')
    button.textContent = done
    setTimeout(() => { button.textContent = label }, 1500)
  })

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

  // Back after a sign-out must not show a page that the browser still remembers.
  addEventListener('pageshow', event => {
    if (event.persisted && 'private' in document.body.dataset) location.reload()
  })

  // An action that ends on another page, such as sign-in, goes there as a whole;
  // one that fails shows the server's own words.
  const fill = (text, into) => {
    const page = new DOMParser().parseFromString(text, 'text/html').querySelector('main')
    if (page) into.replaceChildren(...page.childNodes)
    return page
  }
  document.addEventListener('htmx:beforeSwap', event => {
    const { xhr, isError } = event.detail
    if (isError || /id="?lab\b/.test(xhr.responseText)) return
    event.detail.shouldSwap = false
    location.assign(xhr.responseURL || location.href)
  })
  document.addEventListener('htmx:responseError', event => {
    if (!fill(event.detail.xhr.responseText, document.querySelector('main'))) location.reload()
  })
  document.addEventListener('htmx:sendError', () => say('The server did not answer. Try again.'))

  // After a swap: say what changed, and leave the keyboard where it was, or at
  // the headline when the button is gone.
  const say = text => {
    const out = document.getElementById('announce')
    if (out) out.textContent = text
  }
  document.addEventListener('htmx:afterSettle', () => {
    const lab = document.getElementById('lab')
    if (!lab) return
    reveal(lab)
    say(lab.dataset.announce || '')
    if (document.activeElement === document.body) document.getElementById('headline').focus({ preventScroll: true })
  })
})()
