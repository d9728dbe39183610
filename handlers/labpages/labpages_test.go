package labpages_test

import _ "sessionlab/handlers/labpages/labtest"
