"""A text that is hostile wherever it is shown."""

# What a forge, a browser, a terminal, a test server or a code scanner would obey.
EVIL = (
    "\x1b[2J\x07</script></title><img src=x onerror=document.title='pwned'><script>document.title"
    "='pwned'</script>&lt;b&gt;<!-- --> |x| `code` ``` *bold* _it_ [link](https://evil.test/) "
    "![i](//evil.test/i.png) <https://evil.test> www.evil.test @octocat @team/x #1 GH-1 !2 x/y#3 "
    "0123456789abcdef0123456789abcdef01234567 :smile: $x$ {0} ${aws:username} \\` ]]> %s\r\n\n"
    "/close\n# head\n- [ ] task\n| --- |\n> quote\n\n<details>\u202e\u2028\ufffe\x00"
)
