'use strict';

module.exports = (name) => `Hello, ${name || 'world'}.`;
