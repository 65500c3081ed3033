/* SPDX-License-Identifier: EUPL-1.2 */
#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/text.h"

const char *err_sentence(int code)
{
	switch (code) {
	case 0:
		return "no error";
#define X(name, value, sentence)                                                                   \
	case -(value):                                                                             \
		return sentence;
		ENT_ERRORS(X)
#undef X
	default:
		return "unknown error";
	}
}

const char *err_name(int code)
{
	switch (code) {
	case 0:
		return "OK";
#define X(name, value, sentence)                                                                   \
	case -(value):                                                                             \
		return #name;
		ENT_ERRORS(X)
#undef X
	default:
		return "UNKNOWN";
	}
}

int err_set(struct err_text *err, int code, const char *format, ...)
{
	va_list args;
	int len;

	if (!err)
		return code;
	va_start(args, format);
	len = vsnprintf(err->text, sizeof(err->text), format, args);
	va_end(args);
	if (len >= (int)sizeof(err->text))
		err->text[text_utf8_uncut(bytes_str(err->text))] = '\0';
	return code;
}
