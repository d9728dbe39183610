// The keys of a demo: on and back, as remote controls send them, and Escape out of
// the presentation. All of it is also a button or a link.
(() => {
  'use strict'
  const onward = ['PageDown', 'ArrowRight', ' '], back = ['PageUp', 'ArrowLeft']
  let on = true
  try { on = localStorage.getItem('lab-keys') !== 'off' } catch { /* then they are on */ }

  document.addEventListener('keydown', event => {
    const lab = document.querySelector('#lab[data-keys]')
    if (!lab || event.defaultPrevented || event.ctrlKey || event.altKey || event.metaKey || event.shiftKey) return
    if (document.querySelector('details.receipt-of[open], details.menu[open]')) return
    const leave = document.getElementById('demo-leave')
    if (event.key === 'Escape' && leave) return leave.click()
    if (!on || event.repeat) return
    // What already means something where the keyboard is keeps its meaning.
    const busy = event.target.closest('a, button, input, select, textarea, summary')
    if (busy && !event.key.startsWith('Page')) return
    let id = onward.includes(event.key) ? 'demo-next' : back.includes(event.key) ? 'demo-back' : ''
    if (leave && event.key === 'n') id = 'demo-next'
    if (leave && event.key === 'b') id = 'demo-back'
    if (!id) return
    event.preventDefault()
    document.getElementById(id)?.click()
  })

  const show = () => {
    for (const b of document.querySelectorAll('[data-keys-toggle]')) {
      b.hidden = false
      b.setAttribute('aria-pressed', on)
    }
  }
  document.addEventListener('click', event => {
    if (!event.target.closest('[data-keys-toggle]')) return
    on = !on
    try { localStorage.setItem('lab-keys', on ? 'on' : 'off') } catch { /* until the page is left */ }
    show()
  })
  show()
  document.addEventListener('htmx:afterSettle', show)
})();
