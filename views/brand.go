package views

// Brand is the name of the site, as pages show it. No password may be made of it alone.
const Brand = "sessionlab"
