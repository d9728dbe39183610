// Everything here is a convenience: each page works without it.
(() => {
  'use strict'
  const root = document.documentElement

  // The theme: light, dark, or whatever the system says. The server reads the
  // cookie and draws the next page in it, so nothing flashes.
  const themes = ['light', 'dark', 'auto']
  const theme = () => root.dataset.theme || 'auto'
  const following = () => themes[(themes.indexOf(theme()) + 1) % 3]
  document.addEventListener('click', event => {
    if (!event.target.closest('[data-theme-toggle]')) return
    const next = following()
    if (next === 'auto') delete root.dataset.theme
    else root.dataset.theme = next
    const keep = next === 'auto' ? 'Max-Age=0' : 'Max-Age=31536000'
    document.cookie = `theme=${next}; Path=/; ${keep}; SameSite=Lax; Secure`
    reveal()
  })

  // What needs this script appears where it runs, and again after a swap.
  const reveal = () => {
    for (const b of document.querySelectorAll('[data-theme-toggle]')) {
      b.hidden = false
      b.title = `Theme: ${theme()}. Change to ${following()}`
      b.setAttribute('aria-label', b.title)
    }
    if (navigator.clipboard) for (const b of document.querySelectorAll('[data-copy]')) b.hidden = false
  }
  reveal()
  document.addEventListener('htmx:afterSettle', reveal)
  document.addEventListener('click', async event => {
    const button = event.target.closest('[data-copy]')
    if (!button) return
    const source = document.getElementById(button.dataset.copy)
    const label = button.textContent
    const done = await navigator.clipboard.writeText(source.innerText.trim()).then(() => 'Copied', () => 'Not copied')
    button.textContent = done
    setTimeout(() => { button.textContent = label }, 1500)
  })

  // Back after a sign-out must not show a page that the browser still remembers.
  addEventListener('pageshow', event => {
    if (event.persisted && 'private' in document.body.dataset) location.reload()
  })
})();
