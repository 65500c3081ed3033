/* SPDX-License-Identifier: EUPL-1.2 */
/* The version of all programs, as --version prints it and HELLO tells it. */
#pragma once

#define ENTENTE_VERSION "0.1.0"
