/* SPDX-License-Identifier: EUPL-1.2 */
#include "sim/plot.h"

#define WIDTH   460.0 /* of a panel, with everything around it */
#define HEIGHT  300.0
#define LEFT    56.0
#define RIGHT   16.0
#define TOP     34.0
#define BOTTOM  46.0
#define TITLE   36.0
#define LINE    17.0
#define TICKS   5u
#define BAR_LEN 230.0

/* Apart in lightness too, for whoever prints it or sees colours otherwise. */
static const char *const COLOURS[PLOT_SERIES_MAX] = {
	"#1b4f8a", "#d9822b", "#3a8f5c", "#b0375e", "#6d5aa8", "#7a6a4f", "#3aa0a8", "#555555"};

static void text(FILE *out, double x, double y, const char *anchor, const char *style,
	const char *s)
{
	fprintf(out, "<text x=\"%.1f\" y=\"%.1f\" text-anchor=\"%s\"%s>", x, y, anchor, style);
	for (; *s; s++) {
		if (*s == '<')
			fputs("&lt;", out);
		else if (*s == '&')
			fputs("&amp;", out);
		else
			fputc(*s, out);
	}
	fputs("</text>\n", out);
}

static void line(FILE *out, double x1, double y1, double x2, double y2, const char *colour)
{
	fprintf(out, "<line x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\" stroke=\"%s\"/>\n", x1,
		y1, x2, y2, colour);
}

static double larger(double a, double b)
{
	return a > b ? a : b;
}

/* The least of 1, 2, 5 times a power of ten that is not below; v > 0. */
static double round_up(double v)
{
	double power = 1;

	while (power * 10 <= v)
		power *= 10;
	while (power > v)
		power /= 10;
	return v <= power       ? power
	       : v <= 2 * power ? 2 * power
	       : v <= 5 * power ? 5 * power
				: 10 * power;
}

/* --- curves ----------------------------------------------------------------------------------- */

static double x_end(const struct plot_panel *p)
{
	double most = 1;

	for (size_t i = 0; i < p->series_len; i++)
		if (p->series[i].len)
			most = larger(most, p->series[i].x[p->series[i].len - 1]);
	return round_up(most / TICKS) * TICKS;
}

static void axes(FILE *out, const struct plot_panel *p, double x0, double y0, double most)
{
	double wide = WIDTH - LEFT - RIGHT, high = HEIGHT - TOP - BOTTOM;
	char label[32];

	for (unsigned i = 0; i <= TICKS; i++) {
		double x = x0 + LEFT + wide * i / TICKS, y = y0 + TOP + high * (TICKS - i) / TICKS;

		line(out, x, y0 + TOP, x, y0 + TOP + high, "#e4e4e4");
		line(out, x0 + LEFT, y, x0 + LEFT + wide, y, "#e4e4e4");
		snprintf(label, sizeof(label), "%g", most * i / TICKS);
		text(out, x, y0 + TOP + high + 16, "middle", " class=\"s\"", label);
		snprintf(label, sizeof(label), "%u %%", 100 * i / TICKS);
		text(out, x0 + LEFT - 6, y + 4, "end", " class=\"s\"", label);
	}
	text(out, x0 + LEFT + wide / 2, y0 + HEIGHT - 10, "middle", "", p->x_label);
	fprintf(out, "<g transform=\"translate(%.1f %.1f) rotate(-90)\">", x0 + 13,
		y0 + TOP + high / 2);
	text(out, 0, 0, "middle", "", p->y_label);
	fputs("</g>\n", out);
}

static void curves(FILE *out, const struct plot_panel *p, double x0, double y0)
{
	double wide = WIDTH - LEFT - RIGHT, high = HEIGHT - TOP - BOTTOM, most = x_end(p);

	axes(out, p, x0, y0, most);
	for (size_t i = 0; i < p->series_len; i++) {
		const struct plot_series *s = &p->series[i];
		double key = y0 + TOP + high - 10 - LINE * (double)(p->series_len - 1 - i);

		fprintf(out, "<polyline fill=\"none\" stroke=\"%s\" stroke-width=\"1.8\" points=\"",
			COLOURS[i]);
		for (size_t k = 0; k < s->len; k++)
			fprintf(out, "%.1f,%.1f ", x0 + LEFT + wide * s->x[k] / most,
				y0 + TOP + high * (1 - s->y[k]));
		fputs("\"/>\n", out);
		line(out, x0 + WIDTH - RIGHT - 24, key - 4, x0 + WIDTH - RIGHT - 6, key - 4,
			COLOURS[i]);
		text(out, x0 + WIDTH - RIGHT - 30, key, "end", " class=\"s\"", s->name);
	}
}

/* --- bars ------------------------------------------------------------------------------------- */

static void bars(FILE *out, const struct plot_panel *p, double x0, double y0)
{
	double high = (HEIGHT - TOP - BOTTOM) / (double)p->series_len, most = 0;
	char label[48];

	for (size_t i = 0; i < p->series_len; i++)
		most = larger(most, p->series[i].value);
	for (size_t i = 0; i < p->series_len; i++) {
		const struct plot_series *s = &p->series[i];
		double y = y0 + TOP + high * (double)i,
		       len = most > 0 ? BAR_LEN * s->value / most : 0;

		fprintf(out,
			"<rect x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" height=\"%.1f\" "
			"fill=\"%s\"/>\n",
			x0 + LEFT + 70, y + high * 0.2, len, high * 0.6, COLOURS[i]);
		text(out, x0 + LEFT + 62, y + high / 2 + 4, "end", " class=\"s\"", s->name);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
		snprintf(label, sizeof(label), p->format, s->value);
#pragma GCC diagnostic pop
		text(out, x0 + LEFT + 76 + len, y + high / 2 + 4, "start", " class=\"s\"", label);
	}
	text(out, x0 + LEFT + 70, y0 + HEIGHT - 10, "start", "", p->x_label);
}

/* --- the whole -------------------------------------------------------------------------------- */

void plot_write(FILE *out, const char *title, const struct plot_panel *panels, size_t panels_len,
	const char *const *lines, size_t lines_len)
{
	size_t rows = (panels_len + 1) / 2;
	double below = TITLE + (double)rows * HEIGHT + 20;
	double height = below + LINE * (double)lines_len + 10;

	fprintf(out,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %.0f %.0f\" "
		"font-family=\"sans-serif\" font-size=\"12\">\n"
		"<style>.s{font-size:11px;fill:#444}.t{font-size:14px;font-weight:bold}"
		".m{font-family:monospace;font-size:9.5px;white-space:pre}</style>\n"
		"<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		2 * WIDTH, height);
	text(out, WIDTH, 24, "middle", " class=\"t\"", title);
	for (size_t i = 0; i < panels_len; i++) {
		size_t row = i / 2;
		double x0 = i % 2 ? WIDTH : 0, y0 = TITLE + HEIGHT * (double)row;

		text(out, x0 + LEFT, y0 + 22, "start", " font-weight=\"bold\"", panels[i].title);
		if (panels[i].format)
			bars(out, &panels[i], x0, y0);
		else
			curves(out, &panels[i], x0, y0);
	}
	for (size_t i = 0; i < lines_len; i++)
		text(out, 20, below + LINE * (double)i, "start",
			" class=\"m\" xml:space=\"preserve\"", lines[i]);
	fputs("</svg>\n", out);
}
