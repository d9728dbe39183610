package handlers_test

// Compare mode joins the modes that these tests run in.
import _ "sessionlab/handlers/labpages/labtest"
