using Microsoft.EntityFrameworkCore;
using OpsPlatform.ServiceDefaults.Database;

namespace OpsPlatform.Analytics;

internal sealed class AnalyticsDb(DbContextOptions<AnalyticsDb> options) : ServiceDb(options);
