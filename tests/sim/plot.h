/* SPDX-License-Identifier: EUPL-1.2 */
/* Plots as SVG, written by the program itself: panels with curves or bars, side by side. */
#pragma once

#include <stddef.h>
#include <stdio.h>

#define PLOT_SERIES_MAX 8u

struct plot_series {
	const char *name;
	const double *x, *y; /* curves: y from 0 to 1, x rising */
	size_t len;
	double value; /* bars */
};

struct plot_panel {
	const char *title, *x_label, *y_label;
	struct plot_series series[PLOT_SERIES_MAX];
	size_t series_len;
	const char *format; /* bars: of the values, for printf with one double; NULL: curves */
};

/* Two panels in a row, and below them what is written out, line by line. */
void plot_write(FILE *out, const char *title, const struct plot_panel *panels, size_t panels_len,
	const char *const *lines, size_t lines_len);
